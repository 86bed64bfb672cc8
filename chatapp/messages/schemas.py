"""The shapes of what people do with messages."""

from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.chats.schemas import MESSAGE_TYPES, STATUSES, ChatSchema, MessageSchema
from chatapp.core.errors import Json
from chatapp.core.pagination import LARGEST_KEY, Cursor
from chatapp.core.schemas import Choice, Flag, Id, Input, Output, Text, Whole
from chatapp.files.schemas import File

LONGEST_CONTENT = 4000
# Of a long absence only the newest are named; `readSeq` covers them all.
MAX_NAMED = 1000
MAX_SYNC_CHATS = 1000
MAX_SYNC_BYTES = 512 * 1024


class SendMessageSchema(Input):
    """A new message."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat that the caller is in."})
    content = Text(
        longest=LONGEST_CONTENT,
        required=True,
        metadata={"description": "1–4000 characters after trimming; a file's caption may be empty.", "example": "Hi!"},
    )
    client_id = Id(
        data_key="clientId",
        load_default=None,
        allow_none=True,
        metadata={"description": "A UUID of the client's choice: sent again under it, nothing is sent twice."},
    )
    type = Choice(
        "MessageType",
        MESSAGE_TYPES,
        load_default="TEXT",
        metadata={"description": "Given with a file, and then that of the file."},
    )
    file_url = Text(
        longest=2048,
        data_key="fileUrl",
        load_default=None,
        allow_none=True,
        metadata={"description": "`fileUrl` of a message that the sender can see; type, name and size are the file's."},
    )
    file_name = Text(
        longest=255,
        data_key="fileName",
        load_default=None,
        allow_none=True,
        metadata={"description": "May come with `fileUrl`; what is stored counts."},
    )
    file_size = Whole(
        data_key="fileSize",
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, LARGEST_KEY),
        metadata={"description": "May come with `fileUrl`; what is stored counts."},
    )

    @validates_schema
    def _complete(self, data: Json, **_kwargs: object) -> None:
        if not data.get("file_url"):
            if not data.get("content"):
                raise ValidationError("Must have 1–4000 characters after trimming.", "content")
            if data.get("type") != "TEXT":
                raise ValidationError("A message of this type needs a file.", "fileUrl")


class SendFileSchema(Input):
    """A file, and what is said with it. The file should come last: who may not send it learns that before."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat that the caller is in."})
    content = Text(
        longest=LONGEST_CONTENT,
        load_default="",
        metadata={"description": "A caption, up to 4000 characters.", "example": "Our view"},
    )
    client_id = Id(
        data_key="clientId",
        metadata={"description": "A UUID of the client's choice: sent again under it, nothing is sent twice."},
    )
    file = File(
        required=True,
        metadata={"description": "With its name; its type may be declared. All three have to agree: the bytes too."},
    )


class NewContentSchema(Input):
    """What a message says from now on."""

    content = Text(
        longest=LONGEST_CONTENT,
        required=True,
        metadata={
            "description": "1–4000 characters after trimming; a file's caption may be empty.",
            "example": "Hello!",
        },
    )


class EditMessageSchema(NewContentSchema):
    """Which message says something else from now on."""

    message_id = Id(data_key="messageId", required=True, metadata={"description": "One of the caller's own."})


class DeleteMessageSchema(Input):
    """Which message goes."""

    message_id = Id(data_key="messageId", required=True, metadata={"description": "Which message."})


class MessageDeletedSchema(Output):
    """A message that is a tombstone now."""

    messageId = Id(required=True, metadata={"description": "Which message."})
    chatId = Id(required=True, metadata={"description": "The chat that it stands in."})


class MessageDeletedEventSchema(MessageDeletedSchema):
    """A message that is a tombstone now, and the change that made it one."""

    rev = Whole(required=True, metadata={"description": "The chat's change number of the deletion."})


class ReadReceiptSchema(Input):
    """What was read: up to the newest of these messages, or all of the chat."""

    message_ids = fields.List(
        Id(metadata={"description": "A message of the chat."}),
        data_key="messageIds",
        validate=validate.Length(1, 1000),
        metadata={
            "description": "1–1000 messages; absent: all. Reading a message reads all earlier ones.",
            "example": ["01a209c0-dd89-7528-89ae-40572c1fa41a"],
        },
    )


class ReadMessagesSchema(ReadReceiptSchema):
    """What was read of which chat."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat that the caller is in."})


class MessagesReadEventSchema(Output):
    """How far somebody read a chat."""

    chatId = Id(required=True, metadata={"description": "Which chat."})
    userId = Id(required=True, metadata={"description": "Who read it."})
    messageIds = fields.List(
        Id(),
        required=True,
        validate=validate.Length(max=MAX_NAMED),
        metadata={"description": "Those newly read; of very many, the newest 1000."},
    )
    readSeq = Whole(required=True, metadata={"description": "Everything up to this `seq` is read."})


class MessagesReadSchema(MessagesReadEventSchema):
    """How far the caller read a chat, and what is left."""

    unreadCount = Whole(
        required=True, metadata={"description": "How many messages come after `readSeq`.", "example": 0}
    )


class DeliveryReceiptSchema(Output):
    """How far a chat's messages were delivered to a user."""

    userId = Id(required=True, metadata={"description": "Which member."})
    deliveredSeq = Whole(required=True, metadata={"description": "Everything up to this `seq` is delivered."})


class MessagesDeliveredSchema(Output):
    """How far a chat's messages were delivered."""

    chatId = Id(required=True, metadata={"description": "Which chat."})
    receipts = fields.List(
        fields.Nested(DeliveryReceiptSchema),
        required=True,
        validate=validate.Length(max=1000),
        metadata={"description": "The members to whom more was delivered since the last event."},
    )


class MessageStatusSchema(Output):
    """What became of a message for one person."""

    messageId = Id(required=True, metadata={"description": "Which message."})
    userId = Id(required=True, metadata={"description": "Which member."})
    status = Choice("DeliveryStatus", STATUSES, required=True, metadata={"description": "How far it got with them."})


class SyncSchema(Input):
    """What the client has: the highest `rev` that it has seen of each chat."""

    chats = fields.Dict(
        keys=Id(),
        values=Whole(validate=validate.Range(0, LARGEST_KEY)),
        required=True,
        validate=validate.Length(max=MAX_SYNC_CHATS),
        metadata={
            "description": "The id of each chat → that `rev`; up to 1,000 chats.",
            "example": {"01a209c0-dd89-7528-89ae-40572c1fa41a": 17},
        },
    )
    only_named = Flag(
        data_key="only",
        load_default=False,
        metadata={"description": "Whether the response is restricted to the named chats.", "example": False},
    )
    cursor = Cursor(
        int,
        UUID,
        allow_none=True,
        metadata={"description": "`nextCursor` of the last response, with the same `chats`; absent or null at first."},
    )


class SyncAnswerSchema(Output):
    """What the client missed: at most 512 KiB of JSON, most recently active chats first."""

    max_bytes = MAX_SYNC_BYTES

    chats = fields.List(
        fields.Nested(ChatSchema), required=True, metadata={"description": "New to the client, or changed."}
    )
    messages = fields.Dict(
        keys=Id(),
        values=fields.List(fields.Nested(MessageSchema)),
        required=True,
        metadata={
            "description": "By chat, those created or changed since, in the order of `rev`: up to 100 a chat, 500 in all."
        },
    )
    more = fields.List(
        Id(),
        required=True,
        metadata={
            "description": "Chats whose messages did not all fit: call again with `only` and the `rev` reached, or read "
            "them over REST.",
            "example": [],
        },
    )
    gone = fields.List(
        Id(),
        required=True,
        metadata={
            "description": "Those of the named chats in which the caller no longer is; with the first response only.",
            "example": [],
        },
    )
    unread = fields.Dict(
        keys=Id(),
        values=Whole(),
        required=True,
        metadata={"description": "`unreadCount` of each chat that this response is about, changed or not."},
    )
    reset = fields.List(
        Id(),
        required=True,
        metadata={
            "description": "Chats of which the client was ahead of the server, after a backup was restored: drop the "
            "local copy; this response has the chat from the start.",
            "example": [],
        },
    )
    nextCursor = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Where the caller's next chats follow: call again with the same `chats` and this as "
            "`cursor`. Null on the last response.",
        },
    )
