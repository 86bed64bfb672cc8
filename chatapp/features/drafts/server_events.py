"""The event about drafts that the server emits."""

from chatapp.features.drafts.schemas import DraftEventSchema
from chatapp.sockets.server_events import ServerEvent

SERVER_EVENTS = (
    ServerEvent(
        "me:draft",
        DraftEventSchema,
        "The user's draft in a chat changed or was deleted.",
        "All sockets of the user, including the one that caused it, in the order of `meRev`.",
    ),
)
