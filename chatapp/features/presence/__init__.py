"""Online status and typing notifications."""

from chatapp.feature import Feature
from chatapp.features.presence import handlers, server_events, subscribers

feature = Feature(
    "presence",
    client_events=handlers.EVENTS,
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
)
