"""The events about chats and members that the server emits."""

from chatapp.features.chats.schemas import (
    ChatDeletedSchema,
    ChatMemberSchema,
    MemberLeftSchema,
)
from chatapp.representations.chat import ChatEventSchema, NewChatEventSchema
from chatapp.sockets.server_events import ServerEvent

ALL_MEMBERS = "All sockets of all members of the chat, including the user who caused it."

SERVER_EVENTS = (
    ServerEvent(
        "chat:new",
        NewChatEventSchema,
        "The user is a member of a new chat.",
        "The members of a new chat, and a user who is added to a group; they receive the events of the chat from then on.",
    ),
    ServerEvent(
        "chat:updated",
        ChatEventSchema,
        "The name, description, avatar, data or external id of a chat changed.",
        ALL_MEMBERS,
        example={"type": "GROUP", "name": "Friends", "lastRev": 2, "rev": 2},
    ),
    ServerEvent("chat:deleted", ChatDeletedSchema, "A group was deleted.", ALL_MEMBERS),
    ServerEvent("chat:member_joined", ChatMemberSchema, "A user joined a group.", ALL_MEMBERS),
    ServerEvent(
        "chat:member_updated",
        ChatMemberSchema,
        "The role of a member changed.",
        ALL_MEMBERS,
    ),
    ServerEvent(
        "chat:member_left",
        MemberLeftSchema,
        "A member left a group or was removed.",
        "The members, and the user who left, whose sockets receive no more events of the chat.",
    ),
)
