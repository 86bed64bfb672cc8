"""Every event that clients can listen for: its shape, what it tells of, and who gets it."""

from chatapp.chats.schemas import (
    ChatDeletedSchema,
    ChatEventSchema,
    ChatMemberSchema,
    MemberLeftSchema,
    MessageEventSchema,
    NewChatEventSchema,
    ResyncSchema,
)
from chatapp.core.schemas import ProblemSchema
from chatapp.messages.schemas import MessageDeletedEventSchema, MessagesDeliveredSchema, MessagesReadEventSchema
from chatapp.presence.schemas import TypingStartedSchema, TypingStoppedSchema, UserOfflineSchema, UserOnlineSchema
from chatapp.realtime.server_events import ServerEvent

EVERYBODY = "Every socket of every member of the chat, those of whoever did it too."
OTHERS = "The other members of the chat."
ACQUAINTANCES = "Everybody who shares a chat with them"

SERVER_EVENTS = (
    ServerEvent(
        "message:new",
        MessageEventSchema,
        "A chat has a new message.",
        f"{EVERYBODY} The messages of one chat come in the order of `seq`; a jump in it means that one was missed.",
    ),
    ServerEvent(
        "message:edited",
        MessageEventSchema,
        "A message says something else.",
        EVERYBODY,
        shows={"rev": 2, "content": "Hello!", "isEdited": True, "editedAt": "2026-11-22T10:00:30.000Z"},
    ),
    ServerEvent("message:deleted", MessageDeletedEventSchema, "A message is a tombstone now.", EVERYBODY),
    ServerEvent(
        "messages:read",
        MessagesReadEventSchema,
        "Somebody read a chat up to a message.",
        f"{EVERYBODY} In groups of more than 50 members only the reader's own sockets and the members who sent the messages "
        "newly read.",
    ),
    ServerEvent(
        "messages:delivered",
        MessagesDeliveredSchema,
        "Messages of a chat were delivered.",
        f"{EVERYBODY} In groups of more than 50 members only the members who sent the messages newly delivered. At once in "
        "a direct chat, at most one event per chat and second in a group.",
    ),
    ServerEvent("typing:start", TypingStartedSchema, "Somebody is typing.", OTHERS),
    ServerEvent(
        "typing:stop",
        TypingStoppedSchema,
        "Somebody is no longer typing.",
        f"{OTHERS} It comes by itself 6 s after the last `typing:start`, and when the person disconnects.",
    ),
    ServerEvent(
        "user:online",
        UserOnlineSchema,
        "Somebody is online now.",
        f"{ACQUAINTANCES}, when the first of their sockets connects. After `chat:new` and `chat:member_joined`, for each "
        "listed member who is online.",
    ),
    ServerEvent(
        "user:offline",
        UserOfflineSchema,
        "Somebody is no longer online.",
        f"{ACQUAINTANCES}, once the last of their sockets is closed.",
    ),
    ServerEvent(
        "chat:new",
        NewChatEventSchema,
        "Somebody is in a chat that they were not in before.",
        "The members of a new chat, and whoever is added to a group; they get the chat's events from then on.",
    ),
    ServerEvent(
        "chat:updated",
        ChatEventSchema,
        "A group has another name, description or avatar.",
        EVERYBODY,
        shows={"type": "GROUP", "name": "Friends", "lastRev": 2},
    ),
    ServerEvent("chat:deleted", ChatDeletedSchema, "A group is gone, with all that was said in it.", EVERYBODY),
    ServerEvent("chat:member_joined", ChatMemberSchema, "Somebody is in a group now.", EVERYBODY),
    ServerEvent(
        "chat:member_updated",
        ChatMemberSchema,
        "A member of a group has another role.",
        EVERYBODY,
    ),
    ServerEvent(
        "chat:member_left",
        MemberLeftSchema,
        "Somebody left a group, or was removed from it.",
        "The members, and that person, whose sockets get nothing more of the chat.",
    ),
    ServerEvent(
        "resync",
        ResyncSchema,
        "Events may have been missed that the server cannot replay: call `sync`.",
        "Sockets that were connected during an outage, for chats with more than 100 missed changes.",
    ),
    ServerEvent(
        "exception",
        ProblemSchema,
        "An event failed that asked for no ack.",
        "The socket that sent it.",
    ),
)
