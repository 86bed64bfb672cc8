"""Messages in chats."""

from chatapp.feature import Feature
from chatapp.features.messages import handlers, server_events, subscribers, views
from chatapp.features.messages.changes import MAX_EDITS
from chatapp.features.messages.schemas import MAX_CONTENT_LENGTH, MAX_MENTIONED_BY_MEMBERS
from chatapp.representations.message import MAX_MENTIONS, MAX_METADATA

feature = Feature(
    "messages",
    resources=(views.resource, views.sync_resource),
    client_events=handlers.EVENTS,
    server_events=server_events.SERVER_EVENTS,
    subscribers=subscribers.SUBSCRIBERS,
    capabilities=("replies", "mentions", "metadata", "formats", "around"),
    limits={
        "content": lambda _: MAX_CONTENT_LENGTH,
        "mentions": lambda _: MAX_MENTIONS,
        "mentionAllMembers": lambda _: MAX_MENTIONED_BY_MEMBERS,
        "metadata": lambda _: MAX_METADATA,
        "edits": lambda _: MAX_EDITS,
    },
    tasks=((0.05, subscribers.flush_deliveries),),
)
