"""Signals: short notes of an app to the members of a chat who are connected, which are never stored."""

from chatapp.feature import Feature
from chatapp.features.signals import handlers, server_events, subscribers, views

feature = Feature(
    "signals",
    resources=(views.resource,),
    client_events=handlers.EVENTS,
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
    capabilities=("signals",),
)
