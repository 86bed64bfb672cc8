"""Direct chats, groups, and their members."""

from chatapp.feature import Feature
from chatapp.features.chats import jobs, server_events, subscribers, views
from chatapp.features.chats.changes import MAX_GROUP_MEMBERS

feature = Feature(
    "chats",
    resources=(views.resource,),
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
    jobs=jobs.JOBS,
    limits={"groupMembers": lambda _: MAX_GROUP_MEMBERS},
)
