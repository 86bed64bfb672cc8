"""The events about the personal state of chats that the server emits."""

from chatapp.features.chat_states.schemas import HiddenMessagesSchema
from chatapp.representations.chat_state import ChatStateSchema
from chatapp.sockets.server_events import ServerEvent

OWN_SOCKETS = "All sockets of the user, including the one that caused it, in the order of `meRev`."

SERVER_EVENTS = (
    ServerEvent("me:chat", ChatStateSchema, "The user's own state of a chat changed.", OWN_SOCKETS),
    ServerEvent("me:hidden", HiddenMessagesSchema, "The user deleted messages for themselves.", OWN_SOCKETS),
)
