"""The events that the server emits: schema, summary and recipients of each."""

from chatapp.core.schemas import ProblemSchema
from chatapp.features.chats.schemas import (
    ChatDeletedSchema,
    ChatEventSchema,
    ChatMemberSchema,
    MemberLeftSchema,
    MessageEventSchema,
    NewChatEventSchema,
    ResyncSchema,
)
from chatapp.features.messages.schemas import (
    MessageDeletedEventSchema,
    MessagesDeliveredSchema,
    MessagesReadEventSchema,
)
from chatapp.features.presence.schemas import (
    TypingStartedSchema,
    TypingStoppedSchema,
    UserOfflineSchema,
    UserOnlineSchema,
)
from chatapp.sockets.server_events import ServerEvent

ALL_MEMBERS = "All sockets of all members of the chat, including the user who caused it."
OTHERS = "The other members of the chat."
ACQUAINTANCES = "All users who share a chat with the user"

SERVER_EVENTS = (
    ServerEvent(
        "message:new",
        MessageEventSchema,
        "A message was sent.",
        f"{ALL_MEMBERS} The messages of a chat arrive in the order of `seq`; a gap means that a message was missed.",
    ),
    ServerEvent(
        "message:edited",
        MessageEventSchema,
        "A message was edited.",
        ALL_MEMBERS,
        example={"rev": 2, "content": "Hello!", "isEdited": True, "editedAt": "2026-11-22T10:00:30.000Z"},
    ),
    ServerEvent("message:deleted", MessageDeletedEventSchema, "A message was deleted.", ALL_MEMBERS),
    ServerEvent(
        "messages:read",
        MessagesReadEventSchema,
        "A member read messages.",
        f"{ALL_MEMBERS} In groups of more than 50 members, only the reader's own sockets and the senders of the messages newly "
        "read.",
    ),
    ServerEvent(
        "messages:delivered",
        MessagesDeliveredSchema,
        "Messages were delivered to members.",
        f"{ALL_MEMBERS} In groups of more than 50 members, only the senders of the messages newly delivered. Emitted at once "
        "in a direct chat, at most once per second in a group.",
    ),
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
        "`chat:member_joined`, for each listed member who is online.",
    ),
    ServerEvent(
        "user:offline",
        UserOfflineSchema,
        "A user went offline.",
        f"{ACQUAINTANCES}, when the last socket of the user closed.",
    ),
    ServerEvent(
        "chat:new",
        NewChatEventSchema,
        "The user is a member of a new chat.",
        "The members of a new chat, and a user who is added to a group; they receive the events of the chat from then on.",
    ),
    ServerEvent(
        "chat:updated",
        ChatEventSchema,
        "The name, description or avatar of a group changed.",
        ALL_MEMBERS,
        example={"type": "GROUP", "name": "Friends", "lastRev": 2},
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
    ServerEvent(
        "resync",
        ResyncSchema,
        "The socket may have missed events that the server can't replay: call `sync`.",
        "Sockets that were connected during an outage, for chats with more than 100 missed changes.",
    ),
    ServerEvent(
        "exception",
        ProblemSchema,
        "A client event without an ack failed.",
        "The socket that sent the event.",
    ),
)
