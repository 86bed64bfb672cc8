"""The settings of users: notifications and privacy."""

from chatapp.feature import Feature
from chatapp.features.my_settings import server_events, subscribers, views

feature = Feature(
    "my_settings",
    resources=(views.resource,),
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
    capabilities=("settings",),
)
