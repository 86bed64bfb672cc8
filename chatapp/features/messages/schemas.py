"""Schemas of the messages' endpoints and events."""

from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.core.errors import Json
from chatapp.core.pagination import MAX_KEY, Cursor
from chatapp.core.schemas import Choice, Flag, Id, Input, Output, Text, Whole
from chatapp.features.chats.schemas import MESSAGE_TYPES, STATUSES, ChatSchema, MessageSchema
from chatapp.features.files.schemas import File
from chatapp.models.enums import MessageType

MAX_CONTENT_LENGTH = 4000
# After a long absence only the latest messages are listed; `readSeq` covers all.
MAX_NAMED = 1000
MAX_SYNC_CHATS = 1000
MAX_SYNC_BYTES = 512 * 1024


class SendMessageSchema(Input):
    """A new message."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat of which the caller is a member."})
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
        "MessageType",
        MESSAGE_TYPES,
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

    @validates_schema
    def _complete(self, data: Json, **_kwargs: object) -> None:
        if not data.get("file_url"):
            if not data.get("content"):
                raise ValidationError("Must have 1–4000 characters after trimming.", "content")
            if data.get("type") != MessageType.TEXT:
                raise ValidationError("A message of this type needs a file.", "fileUrl")


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


class EditMessageSchema(NewContentSchema):
    """A message and its new content."""

    message_id = Id(data_key="messageId", required=True, metadata={"description": "A message that the caller sent."})


class DeleteMessageSchema(Input):
    """The message to delete."""

    message_id = Id(data_key="messageId", required=True, metadata={"description": "The message."})


class MessageDeletedSchema(Output):
    """The message that was deleted."""

    messageId = Id(required=True, metadata={"description": "The message."})
    chatId = Id(required=True, metadata={"description": "The chat of the message."})


class MessageDeletedEventSchema(MessageDeletedSchema):
    """The message that was deleted, with the `rev` of the deletion."""

    rev = Whole(required=True, metadata={"description": "The change number of the deletion."})


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


class MessagesReadEventSchema(Output):
    """How far a member read a chat."""

    chatId = Id(required=True, metadata={"description": "The chat."})
    userId = Id(required=True, metadata={"description": "The member who read it."})
    messageIds = fields.List(
        Id(),
        required=True,
        validate=validate.Length(max=MAX_NAMED),
        metadata={"description": "The messages newly read; at most the latest 1,000."},
    )
    readSeq = Whole(required=True, metadata={"description": "All messages up to this `seq` are read."})


class MessagesReadSchema(MessagesReadEventSchema):
    """How far the caller read a chat, and how many messages are unread."""

    unreadCount = Whole(
        required=True, metadata={"description": "The number of messages after `readSeq`.", "example": 0}
    )


class DeliveryReceiptSchema(Output):
    """How far a chat's messages were delivered to a user."""

    userId = Id(required=True, metadata={"description": "The member."})
    deliveredSeq = Whole(required=True, metadata={"description": "All messages up to this `seq` are delivered."})


class MessagesDeliveredSchema(Output):
    """How far a chat's messages were delivered."""

    chatId = Id(required=True, metadata={"description": "The chat."})
    receipts = fields.List(
        fields.Nested(DeliveryReceiptSchema),
        required=True,
        validate=validate.Length(max=1000),
        metadata={"description": "The members to whom more was delivered since the last event."},
    )


class MessageStatusSchema(Output):
    """The delivery status of a message for one member."""

    messageId = Id(required=True, metadata={"description": "The message."})
    userId = Id(required=True, metadata={"description": "The member."})
    status = Choice("DeliveryStatus", STATUSES, required=True, metadata={"description": "The status for this member."})


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


class SyncAnswerSchema(Output):
    """The changes that the client missed: at most 512 KiB of JSON, most recently active chats first."""

    max_bytes = MAX_SYNC_BYTES

    chats = fields.List(
        fields.Nested(ChatSchema),
        required=True,
        metadata={"description": "Chats that are new to the client or changed."},
    )
    messages = fields.Dict(
        keys=Id(),
        values=fields.List(fields.Nested(MessageSchema)),
        required=True,
        metadata={
            "description": "By chat, the messages created or changed since, sorted by `rev`: up to 100 per chat and 500 in total."
        },
    )
    more = fields.List(
        Id(),
        required=True,
        metadata={
            "description": "Chats with more messages than fit: call again with `only` and the `rev` reached, or list them over "
            "REST.",
            "example": [],
        },
    )
    gone = fields.List(
        Id(),
        required=True,
        metadata={
            "description": "The chats of `chats` of which the caller is no longer a member; in the first response only.",
            "example": [],
        },
    )
    unread = fields.Dict(
        keys=Id(),
        values=Whole(),
        required=True,
        metadata={"description": "The `unreadCount` of each chat of this response, changed or not."},
    )
    reset = fields.List(
        Id(),
        required=True,
        metadata={
            "description": "Chats for which the client is ahead of the server, because a backup was restored: discard the "
            "local copy; this response has the chat from the start.",
            "example": [],
        },
    )
    nextCursor = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Cursor of the next chats: call again with the same `chats` and this as `cursor`. Null in the "
            "last response.",
        },
    )
