"""Messages in chats."""

from chatapp.feature import Feature
from chatapp.features.messages import handlers, server_events, subscribers, views

feature = Feature(
    "messages",
    resources=(views.resource, views.sync_resource),
    client_events=handlers.EVENTS,
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
    tasks=((0.05, subscribers.deliveries.flush),),
)
