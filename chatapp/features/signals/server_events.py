"""The event about signals that the server emits."""

from chatapp.features.signals.schemas import SignalEventSchema
from chatapp.sockets.server_events import ServerEvent

SERVER_EVENTS = (
    ServerEvent(
        "signal",
        SignalEventSchema,
        "A member sent a signal.",
        "The other members of the chat; with `toUserIds`, those of these users who are members.",
    ),
)
