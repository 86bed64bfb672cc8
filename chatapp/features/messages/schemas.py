"""Schemas of the messages' endpoints and events."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema
from orjson import Fragment

from chatapp.core.errors import Json
from chatapp.core.json_input import UUID as UUID_PATTERN
from chatapp.core.json_input import as_id
from chatapp.core.objects import Column, schema_of
from chatapp.core.pagination import MAX_KEY, Cursor
from chatapp.core.schemas import Choice, Data, Digits, Flag, Id, Input, JsonText, Text, Timestamp, Whole, absent
from chatapp.features.files.schemas import File
from chatapp.features.own_state.schemas import OwnChanges
from chatapp.models.enums import MessageType
from chatapp.representations.chat import ChatSchema
from chatapp.representations.message import (
    FORMATS,
    MAX_MENTIONS,
    MAX_METADATA,
    MAX_REACTIONS,
    SENT_TYPES,
    STATUSES,
    Mentions,
    MessageSchema,
    Reaction,
)

MAX_CONTENT_LENGTH = 4000
# In larger groups only ADMINs can mention all members.
MAX_MENTIONED_BY_MEMBERS = 50
# After a long absence only the latest messages are listed; `readSeq` covers all.
MAX_NAMED = 1000
MAX_SYNC_CHATS = 1000
MAX_SYNC_BYTES = 512 * 1024
REPLY_TO = {"description": "The message of this chat to reply to; it must not be deleted."}


class NewMentionsSchema(Input):
    """The members to mention."""

    user_ids = fields.List(
        Id(metadata={"description": "A member of the chat."}),
        data_key="userIds",
        load_default=list,
        validate=validate.Length(max=MAX_MENTIONS),
        metadata={
            "description": f"Up to {MAX_MENTIONS} members. Other users, and the sender, are ignored.",
            "example": ["01a209c0-dd89-7528-89ae-40572c1fa41a"],
        },
    )
    all = Flag(
        load_default=False,
        metadata={
            "description": f"True to mention all members. In a group of more than {MAX_MENTIONED_BY_MEMBERS} members, only "
            "ADMINs can do so.",
            "example": False,
        },
    )


def _mentions(**kwargs: Any) -> fields.Nested:
    return fields.Nested(
        NewMentionsSchema,
        allow_none=True,
        metadata={"description": "The members to mention; null for none. The text is not searched for names."},
        **kwargs,
    )


def _format(**kwargs: Any) -> Choice:
    return Choice(
        "MessageFormat",
        FORMATS,
        allow_none=True,
        metadata={"description": "How clients show the text; null for plain text.", "example": "markdown"},
        **kwargs,
    )


class MessageFields(Input):
    """What a message consists of."""

    content = Text(
        max_length=MAX_CONTENT_LENGTH,
        required=True,
        metadata={"description": "1–4000 characters after trimming; a file's caption may be empty.", "example": "Hi!"},
    )
    client_id = Id(
        data_key="clientId",
        load_default=None,
        allow_none=True,
        metadata={
            "description": "A UUID that the client chooses. Repeating a request with it does not send the message twice."
        },
    )
    type = Choice(
        "SentMessageType",
        SENT_TYPES,
        load_default=MessageType.TEXT.value,
        metadata={"description": "With `fileUrl`, the type of the file; otherwise TEXT."},
    )
    file_url = Text(
        max_length=2048,
        data_key="fileUrl",
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The `fileUrl` of a message that the sender can see; type, name and size are taken from the stored file."
        },
    )
    file_name = Text(
        max_length=255,
        data_key="fileName",
        load_default=None,
        allow_none=True,
        metadata={"description": "Accepted with `fileUrl` and ignored: the stored value is used."},
    )
    file_size = Whole(
        data_key="fileSize",
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, MAX_KEY),
        metadata={"description": "Accepted with `fileUrl` and ignored: the stored value is used."},
    )
    reply_to_id = Id(data_key="replyToId", load_default=None, allow_none=True, metadata=REPLY_TO)
    mentions = _mentions(load_default=None)
    metadata = Data(MAX_METADATA, load_default=None)
    format = _format(load_default=None)


class SendMessageSchema(MessageFields):
    """A new message."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat of which the caller is a member."})


class SendFileSchema(Input):
    """A file to send. Put the file last in the form, so that a refused request fails before the upload."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat of which the caller is a member."})
    content = Text(
        max_length=MAX_CONTENT_LENGTH,
        load_default="",
        metadata={"description": "A caption, up to 4000 characters.", "example": "Our view"},
    )
    client_id = Id(
        data_key="clientId",
        metadata={
            "description": "A UUID that the client chooses. Repeating a request with it does not send the message twice."
        },
    )
    reply_to_id = Id(data_key="replyToId", metadata=REPLY_TO)
    mentions = JsonText(_mentions(), MAX_METADATA)
    metadata = JsonText(Data(MAX_METADATA), 4 * MAX_METADATA)
    format = _format()
    file = File(
        required=True,
        metadata={"description": "The file, with a name and optionally a type, which must match its content."},
    )


class NewContentSchema(Input):
    """The new content of a message."""

    content = Text(
        max_length=MAX_CONTENT_LENGTH,
        required=True,
        metadata={
            "description": "1–4000 characters after trimming; a file's caption may be empty.",
            "example": "Hello!",
        },
    )


class PatchMessageSchema(Input):
    """Changes of a message, at least one; absent fields stay as they are."""

    content = Text(
        max_length=MAX_CONTENT_LENGTH,
        metadata={
            "description": "1–4000 characters after trimming; a file's caption may be empty.",
            "example": "Hello!",
        },
    )
    mentions = _mentions()
    metadata = Data(MAX_METADATA)
    format = _format()

    @validates_schema
    def _check(self, body: Json, **_kwargs: Any) -> None:
        if not body.keys() & {"content", "mentions", "metadata", "format"}:
            raise ValidationError("Needs content, mentions, metadata or format.", "content")


class EditMessageSchema(PatchMessageSchema):
    """A message and what to change of it."""

    message_id = Id(data_key="messageId", required=True, metadata={"description": "A message that the caller sent."})


class DeleteMessageSchema(Input):
    """The message to delete."""

    message_id = Id(data_key="messageId", required=True, metadata={"description": "The message."})


class MessageDeleted(TypedDict):
    """The message that was deleted."""

    messageId: Annotated[str, Id(), "The message."]
    chatId: Annotated[str, Id(), "The chat of the message."]


class MessageDeletedEvent(MessageDeleted):
    """The message that was deleted, with the `rev` of the deletion."""

    rev: Annotated[int, "The change number of the deletion."]


class MessageChanges(TypedDict):
    """The new values of the fields that changed; null for a field that is now empty."""

    mentions: NotRequired[Annotated[Mentions | None, "The members whom the message mentions."]]
    metadata: NotRequired[
        Annotated[
            dict[str, Any] | None,
            fields.Dict(keys=fields.String(), metadata={"x-max-bytes": MAX_METADATA, "example": {"orderId": 4711}}),
            "Data of your app.",
        ]
    ]
    format: NotRequired[Annotated[str | None, Choice("MessageFormat", FORMATS), "How to show `content`."]]
    reactions: NotRequired[
        Annotated[
            list[Reaction] | None,
            fields.List(fields.Nested(schema_of(Reaction)), validate=validate.Length(max=MAX_REACTIONS)),
            "The reactions.",
        ]
    ]
    pinnedAt: NotRequired[Annotated[str | None, Timestamp(), "When the message was pinned."]]
    pinnedBy: NotRequired[Annotated[str | None, Id(), "The id of the user who pinned it."]]


class ReactionActor(TypedDict):
    """A user who reacted, or took a reaction back."""

    userId: Annotated[str, Id(), "The user."]
    emoji: Annotated[str, fields.String(validate=validate.Length(max=64), metadata={"example": "👍"}), "The emoji."]
    on: Annotated[bool, "True if the user reacted with it, false if they took it back."]


class MessageChangedEvent(TypedDict):
    """A change of a message that is not an edit of its text."""

    chatId: Annotated[str, Id(), "The chat of the message."]
    messageId: Annotated[str, Id(), "The message."]
    rev: Annotated[int, "The change number of the change."]
    changes: Annotated[MessageChanges, "The fields that changed."]
    actors: NotRequired[
        Annotated[
            list[ReactionActor],
            fields.List(fields.Nested(schema_of(ReactionActor)), validate=validate.Length(max=1000)),
            "For reactions, the last action of each user and emoji of this change. Derive your own `mine` from it.",
        ]
    ]


MessageChangedEventSchema = schema_of(MessageChangedEvent)
MessageDeletedSchema = schema_of(MessageDeleted)
MessageDeletedEventSchema = schema_of(MessageDeletedEvent)


class ReadReceiptSchema(Input):
    """The messages that were read: up to the latest of these, or all of the chat."""

    message_ids = fields.List(
        Id(metadata={"description": "A message of the chat."}),
        data_key="messageIds",
        validate=validate.Length(1, 1000),
        metadata={
            "description": "1–1000 messages; omit for all. All earlier messages of the chat become read too.",
            "example": ["01a209c0-dd89-7528-89ae-40572c1fa41a"],
        },
    )


class ReadMessagesSchema(ReadReceiptSchema):
    """The messages of a chat that were read."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat of which the caller is a member."})


class MessagesReadEvent(TypedDict):
    """A receipt: the messages that a member newly read."""

    chatId: Annotated[str, Id(), "The chat."]
    userId: Annotated[str, Id(), "The member who read it."]
    messageIds: Annotated[
        list[str],
        fields.List(Id(), validate=validate.Length(max=MAX_NAMED)),
        "The messages newly read; at most the latest 1,000.",
    ]
    readSeq: Annotated[int, "All messages up to this `seq` are read."]


class MessagesRead(MessagesReadEvent):
    """The position up to which the caller read a chat, and the number of unread messages."""

    unreadCount: Annotated[
        int, Whole(metadata={"description": "The number of messages after `readSeq`.", "example": 0})
    ]


class DeliveryReceipt(TypedDict):
    """The position up to which the messages of a chat were delivered to a user."""

    userId: Annotated[str, Id(), "The member."]
    deliveredSeq: Annotated[int, "All messages up to this `seq` are delivered."]


class MessagesDelivered(TypedDict):
    """The positions up to which the messages of a chat were delivered."""

    chatId: Annotated[str, Id(), "The chat."]
    receipts: Annotated[
        list[DeliveryReceipt],
        fields.List(fields.Nested(schema_of(DeliveryReceipt)), validate=validate.Length(max=1000)),
        "The members to whom more was delivered since the last event.",
    ]


class MessageStatus(TypedDict):
    """The delivery status of a message for one member."""

    messageId: Annotated[str, Column("message_id"), Id(), "The message."]
    userId: Annotated[str, Column("user_id"), Id(), "The member."]
    status: Annotated[str, Column("status"), Choice("DeliveryStatus", STATUSES), "The status for this member."]


MessagesReadEventSchema = schema_of(MessagesReadEvent)
MessagesReadSchema = schema_of(MessagesRead)
MessagesDeliveredSchema = schema_of(MessagesDelivered)
MessageStatusSchema = schema_of(MessageStatus)


class Around(fields.Field[int | str]):
    """The `seq` or the id of a message, in a query."""

    def __init__(self) -> None:
        metadata = {
            "type": "string",
            "maxLength": 36,
            "pattern": f"^([0-9]{{1,20}}|{UUID_PATTERN})$",
            "description": "The `seq` or the id of a message: returns about half of `limit` on each side of it, and the "
            "message itself. A `seq` outside the history selects the nearest message. Not together with `after` or "
            "`cursor`.",
            "example": "17",
        }
        super().__init__(load_default=absent, metadata=metadata)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | str:
        if not isinstance(value, str) or not re.fullmatch("[0-9]{1,20}", value):
            return as_id(value)
        return min(int(value), MAX_KEY)


class HistoryFields(Input):
    """From where a chat's messages are listed."""

    around = Around()

    after = Digits(
        load_default=absent,
        validate=validate.Range(0, MAX_KEY),
        metadata={
            "description": "A `rev`: returns the messages that were created or changed after it, sorted by `rev`.",
            "example": 0,
        },
    )

    @validates_schema
    def _check(self, query: Json, **_kwargs: Any) -> None:
        others = (query.get("after"), query.get("cursor"))
        if query.get("around") is not None and others != (None, None):
            raise ValidationError("Not together with after or cursor.", "around")


class SyncSchema(Input):
    """The state of the client: the highest `rev` that it has of each chat."""

    chats = fields.Dict(
        keys=Id(),
        values=Whole(validate=validate.Range(0, MAX_KEY)),
        required=True,
        validate=validate.Length(max=MAX_SYNC_CHATS),
        metadata={
            "description": "The id of each chat and the highest `rev` that the client has of it; up to 1,000 chats.",
            "example": {"01a209c0-dd89-7528-89ae-40572c1fa41a": 17},
        },
    )
    only_named = Flag(
        data_key="only",
        load_default=False,
        metadata={"description": "True to restrict the response to the chats in `chats`.", "example": False},
    )
    cursor = Cursor(
        int,
        UUID,
        allow_none=True,
        metadata={
            "description": "`nextCursor` of the previous response, with the same `chats`; omit it or send null in the first request."
        },
    )
    me = Whole(
        load_default=absent,
        validate=validate.Range(0, MAX_KEY),
        metadata={
            "description": "The `meRev` that the client has of the user's own state; 0 for all of it. Adds `me` to the response.",
            "example": 0,
        },
    )


class SyncResponse(TypedDict):
    """The changes that the client missed: at most 512 KiB of JSON, most recently active chats first."""

    # Chats and messages stay as the database encoded them.
    chats: Annotated[
        Sequence[Fragment],
        fields.List(fields.Nested(ChatSchema)),
        "Chats that are new to the client or changed.",
    ]
    messages: Annotated[
        Mapping[str, Sequence[Fragment]],
        fields.Dict(keys=Id(), values=fields.List(fields.Nested(MessageSchema))),
        "By chat, the messages created or changed since, sorted by `rev`: up to 100 per chat and 500 in total.",
    ]
    more: Annotated[
        list[str],
        fields.List(
            Id(),
            metadata={
                "description": "Chats with more messages than fit: call again with `only` and the `rev` reached, or list "
                "them over REST.",
                "example": [],
            },
        ),
    ]
    gone: Annotated[
        list[str],
        fields.List(
            Id(),
            metadata={
                "description": "The chats of `chats` of which the caller is no longer a member; in the first response only.",
                "example": [],
            },
        ),
    ]
    unread: Annotated[
        dict[str, int],
        fields.Dict(keys=Id(), values=Whole()),
        "The `unreadCount` of each chat of this response, changed or not.",
    ]
    reset: Annotated[
        list[str],
        fields.List(
            Id(),
            metadata={
                "description": "Chats for which the client is ahead of the server, because a backup was restored: discard the "
                "local copy; this response has the chat from the start.",
                "example": [],
            },
        ),
    ]
    me: NotRequired[
        Annotated[
            OwnChanges,
            "The changes of the caller's own state; only with `me` in the request, and without `cursor`.",
        ]
    ]
    nextCursor: Annotated[
        str | None,
        "Cursor of the next chats: call again with the same `chats` and this as `cursor`. Null in the last response.",
    ]


SyncResponseSchema = schema_of(SyncResponse, max_bytes=MAX_SYNC_BYTES)
