"""The events about users that the server emits."""

from chatapp.features.users.schemas import UserUpdatedSchema
from chatapp.sockets.server_events import ServerEvent

SERVER_EVENTS = (
    ServerEvent(
        "user:updated",
        UserUpdatedSchema,
        "A user changed their name, picture or data, or was erased.",
        "All users who share a chat with the user, and the user's own sockets. Changes within 2 s are one event. `sync` does "
        "not repeat it: the chat list has the new values. `isOnline` is false and `lastSeen` null, as in all events.",
    ),
)
