"""The events about presence and typing that the server emits."""

from chatapp.features.presence.schemas import (
    TypingStartedSchema,
    TypingStoppedSchema,
    UserOfflineSchema,
    UserOnlineSchema,
)
from chatapp.sockets.server_events import ServerEvent

OTHERS = "The other members of the chat."
ACQUAINTANCES = "All users who share a chat with the user, unless one of the two hides `lastSeen` or blocks the other"

SERVER_EVENTS = (
    ServerEvent("typing:start", TypingStartedSchema, "A member is typing.", OTHERS),
    ServerEvent(
        "typing:stop",
        TypingStoppedSchema,
        "A member stopped typing.",
        f"{OTHERS} Also emitted 6 s after the last `typing:start`, and when the user disconnects.",
    ),
    ServerEvent(
        "user:online",
        UserOnlineSchema,
        "A user came online.",
        f"{ACQUAINTANCES}, when the first socket of the user connects. Also after `chat:new` and "
        "`chat:member_joined`, for each listed member who is online, and when an online user shows `lastSeen` again.",
    ),
    ServerEvent(
        "user:offline",
        UserOfflineSchema,
        "A user went offline.",
        f"{ACQUAINTANCES}, when the last socket of the user closed. Also when a user hides `lastSeen`, with `lastSeen: null`.",
    ),
)
