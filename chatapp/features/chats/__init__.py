"""Direct chats, groups, and their members."""

from chatapp.feature import Feature
from chatapp.features.chats import jobs, server_events, subscribers, views

feature = Feature(
    "chats",
    resources=(views.resource,),
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
    jobs=jobs.JOBS,
)
