"""The events about messages and receipts that the server emits."""

from chatapp.features.chats.schemas import ResyncSchema
from chatapp.features.chats.server_events import ALL_MEMBERS
from chatapp.features.messages.schemas import (
    MessageChangedEventSchema,
    MessageDeletedEventSchema,
    MessagesDeliveredSchema,
    MessagesReadEventSchema,
)
from chatapp.representations.message import MessageEventSchema
from chatapp.sockets.server_events import ServerEvent

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
    ServerEvent(
        "message:changed",
        MessageChangedEventSchema,
        "A message was changed in another way than by an edit of its text.",
        f"{ALL_MEMBERS} Replace the fields of your copy if `rev` is higher than its `rev`; ignore the event if you have none.",
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
    ServerEvent(
        "resync",
        ResyncSchema,
        "The socket may have missed events that the server can't replay: call `sync`.",
        "Sockets that were connected during an outage, for chats with more than 100 missed changes.",
    ),
)
