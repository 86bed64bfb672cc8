"""User profiles and search."""

from chatapp.feature import Feature
from chatapp.features.users import server_events, subscribers, views

feature = Feature(
    "users",
    resources=(views.resource,),
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
    tasks=subscribers.TASKS,
    capabilities=("profiles",),
)
