"""The event about blocks that the server emits."""

from chatapp.features.blocks.schemas import BlockChangedSchema
from chatapp.sockets.server_events import ServerEvent

SERVER_EVENTS = (
    ServerEvent(
        "me:blocked",
        BlockChangedSchema,
        "The user blocked another one, or unblocked them.",
        "All sockets of the user. The other user gets no event.",
    ),
)
