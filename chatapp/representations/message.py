"""Messages, the same for all members or as one of them sees them."""

from typing import Annotated, Any, NotRequired, TypedDict, cast

from marshmallow import fields, validate

from chatapp.core.objects import (
    Column,
    blank,
    build_object,
    columns_of,
    encode_object,
    encode_tombstone,
    schema_of,
)
from chatapp.core.schemas import Choice, Id, Timestamp, Whole
from chatapp.models.enums import DeliveryStatus, MessageType
from chatapp.models.message import CHANGED
from chatapp.representations.chat_state import CLEARED
from chatapp.representations.user import ShownAvatar, ShownName

MESSAGE_TYPES = tuple(kind.value for kind in MessageType)
# What users can send.
SENT_TYPES = tuple(kind for kind in MESSAGE_TYPES if kind != MessageType.SYSTEM)
STATUSES = tuple(status.value for status in DeliveryStatus)
FORMATS = ("markdown",)
# Characters of a quoted text.
MAX_QUOTED = 300
MAX_MENTIONS = 50
# Bytes of `metadata`.
MAX_METADATA = 4096
# Different reactions of a message, and users that each of them lists.
MAX_REACTIONS = 20
MAX_LISTED_REACTORS = 10

# The lowest status of `m` among the other members who were in the chat when it was sent, READ if there are none. Members
# who read privately stop at DELIVERED, and for a reader who does so all of them.
_STATUS_OF_OTHERS = """CASE
            WHEN NOT EXISTS (SELECT FROM members o WHERE o.chat_id = m.chat_id AND o.user_id <> m.sender_id
                             AND o.joined_seq < m.seq AND (o.read_seq < m.seq OR %s)) THEN 'READ'
            WHEN NOT EXISTS (SELECT FROM members o WHERE o.chat_id = m.chat_id AND o.user_id <> m.sender_id
                             AND o.joined_seq < m.seq AND o.delivered_seq < m.seq) THEN 'DELIVERED'
            ELSE 'SENT' END"""


def _status(unseen: str) -> str:
    """The status of `m` for the reader whose member row is `me`: for own messages from the others' watermarks, for
    other messages from the reader's; `unseen` if that has not reached them."""
    return f"""CASE
        WHEN m.sender_id = me.user_id THEN {_STATUS_OF_OTHERS % "o.reads_privately OR me.reads_privately"}
        WHEN me.read_seq >= m.seq THEN 'READ'
        WHEN me.delivered_seq >= m.seq THEN 'DELIVERED'
        ELSE '{unseen}' END"""


# As in `_status`, for a reader and a chat that are parameters of the statement, which then computes each minimum once:
# of `read_seq` and `delivered_seq`, which are at least `joined_seq`, over the other members. Only bots join later than
# they can read.
_OTHERS = """(
    SELECT min(%s) FROM members o WHERE o.chat_id = :chat_id AND o.user_id <> :user_id AND o.joined_seq <= o.delivered_seq
)"""
_SHOWN_READ_SEQ = """CASE WHEN o.reads_privately OR (
        SELECT r.reads_privately FROM members r WHERE r.chat_id = :chat_id AND r.user_id = :user_id
    ) THEN o.joined_seq ELSE o.read_seq END"""
_STATUS_IN_PAGE = f"""CASE
        WHEN m.sender_id = me.user_id THEN CASE
            WHEN coalesce({_OTHERS % _SHOWN_READ_SEQ}, m.seq) >= m.seq THEN 'READ'
            WHEN coalesce({_OTHERS % "o.delivered_seq"}, m.seq) >= m.seq THEN 'DELIVERED'
            ELSE 'SENT' END
        WHEN me.read_seq >= m.seq THEN 'READ'
        ELSE 'DELIVERED' END"""


def _is_hidden(message: str) -> str:
    """True if the reader whose member row is `me` deleted a message for themselves."""
    return f"""(me.has_hidden AND EXISTS (
        SELECT FROM hidden_messages h WHERE h.user_id = me.user_id AND h.message_id = {message}.id
    ))"""


# Of a message `m`: it is a tombstone in the lists of the reader.
IS_HIDDEN_MESSAGE = _is_hidden("m")
# The bytes of a digest that are stored and compared: they fill an alignment of the row. Earlier versions stored 16.
DIGEST_BYTES = 7
# Whether a message was first sent with the content of `:client_digest`.
IS_REPEATED = f"substring(m.client_digest FOR {DIGEST_BYTES}) = :client_digest"
# The reader finds it by its id: they neither cleared it nor deleted it for themselves.
IS_FOUND_MESSAGE = f"m.seq > {CLEARED} AND NOT {IS_HIDDEN_MESSAGE}"


class Sender(TypedDict):
    """The sender of a message."""

    id: Annotated[str, Column("s.id"), Id(), "The id of the user; the same as `senderId`."]
    username: Annotated[str, Column("s.username"), ShownName()]
    avatar: Annotated[str | None, Column("s.avatar"), ShownAvatar()]
    displayName: NotRequired[
        Annotated[
            str,
            Column("s.display_name"),
            fields.String(validate=validate.Length(max=80)),
            "The name to show; absent if there is none: show `username`.",
        ]
    ]
    isBot: NotRequired[Annotated[bool, Column("s.is_bot"), "True for a bot; absent otherwise."]]
    isDeleted: NotRequired[
        Annotated[bool, Column("s.deleted_at IS NOT NULL"), "True for an erased account; absent otherwise."]
    ]


class Quote(TypedDict):
    """The message that a reply refers to, as it is now; of a deleted one only `id`, `seq`, `senderId` and `isDeleted`."""

    # From a row `q` and its sender `s`.
    id: Annotated[str, Column("q.id"), Id(), "The id of the message."]
    seq: Annotated[int, Column("q.seq"), "The `seq` of the message."]
    senderId: Annotated[str, Column("q.sender_id"), Id(), "The id of its sender."]
    sender: NotRequired[
        Annotated[
            Sender,
            Column(f"CASE WHEN q.deleted_at IS NULL THEN {build_object(Sender)} END"),
            "Its sender, for display.",
        ]
    ]
    type: NotRequired[
        Annotated[
            str,
            Column("CASE WHEN q.deleted_at IS NULL THEN q.type END"),
            Choice("MessageType", MESSAGE_TYPES),
            "Its type.",
        ]
    ]
    content: NotRequired[
        Annotated[
            str,
            Column(
                f"left(nullif(q.content, ''), {MAX_QUOTED}) || CASE WHEN length(q.content) > {MAX_QUOTED} THEN '…' ELSE '' END"
            ),
            fields.String(validate=validate.Length(max=MAX_QUOTED + 1)),
            f"The beginning of its text: up to {MAX_QUOTED} characters, then `…`. Absent if it has none.",
        ]
    ]
    isDeleted: NotRequired[
        Annotated[bool, Column("q.deleted_at IS NOT NULL"), "True if it was deleted; absent otherwise."]
    ]


class Mentions(TypedDict):
    """The members whom a message mentions."""

    userIds: NotRequired[
        Annotated[
            list[str],
            fields.List(Id(), validate=validate.Length(max=MAX_MENTIONS)),
            "The members who are mentioned; absent if there are none.",
        ]
    ]
    all: NotRequired[Annotated[bool, "True if all members of the chat are mentioned; absent otherwise."]]


class Reaction(TypedDict):
    """An emoji that users reacted with."""

    emoji: Annotated[
        str,
        fields.String(validate=validate.Length(max=64), metadata={"example": "👍"}),
        "An emoji, or the name of one of your app as `:name:`.",
    ]
    count: Annotated[int, Whole(metadata={"example": 1}), "How many users reacted with it."]
    userIds: Annotated[
        list[str],
        fields.List(Id(), validate=validate.Length(max=MAX_LISTED_REACTORS)),
        f"The first {MAX_LISTED_REACTORS} of these users, by time.",
    ]
    mine: NotRequired[Annotated[bool, "True if the caller is one of them; absent otherwise, and in events."]]


class ForwardedFrom(TypedDict):
    """The author of a forwarded message. Empty if the author does not want to be named."""

    senderId: NotRequired[Annotated[str, Id(), "The id of the first author."]]
    sender: NotRequired[Annotated[Sender, "The first author, for display."]]
    createdAt: NotRequired[Annotated[str, Timestamp(), "When the first author sent the original."]]


QUOTE = build_object(Quote)
_QUOTE_OF = f"""CASE WHEN m.reply_to IS NOT NULL THEN (
    SELECT {QUOTE} FROM messages q JOIN users s ON s.id = q.sender_id WHERE q.id = m.reply_to
) END"""
# For the reader whose member row is `me`: also a message that they deleted for themselves is a tombstone.
_QUOTE_OF_READER = f"""CASE WHEN m.reply_to IS NOT NULL THEN (
    SELECT CASE WHEN q.seq <= {CLEARED} OR {_is_hidden("q")}
        THEN json_build_object('id', q.id, 'seq', q.seq, 'senderId', q.sender_id, 'isDeleted', true) ELSE {QUOTE} END
    FROM messages q JOIN users s ON s.id = q.sender_id WHERE q.id = m.reply_to
) END"""
MENTIONS = """CASE WHEN m.mention_ids IS NOT NULL OR m.mentions_all THEN
    json_strip_nulls(json_build_object('userIds', m.mention_ids, 'all', m.mentions_all))
END"""
# The summary in the row, for the reader whose member row is `me`.
_REACTIONS_OF_READER = """CASE WHEN m.reactions IS NOT NULL THEN (
    SELECT jsonb_agg(CASE WHEN own.emoji IS NULL THEN r.item ELSE r.item || '{"mine": true}' END ORDER BY r.place)
    FROM jsonb_array_elements(m.reactions) WITH ORDINALITY r (item, place)
         LEFT JOIN reactions own ON own.message_id = m.id AND own.user_id = me.user_id
                                    AND own.emoji_key = replace(r.item ->> 'emoji', chr(65039), '')
) END"""
FORWARDED_FROM = f"""CASE WHEN m.forwarded IS NOT NULL THEN coalesce((
    SELECT json_build_object('senderId', s.id, 'sender', {build_object(Sender)}, 'createdAt', m.forwarded -> 'createdAt')
    FROM users s WHERE s.id = CAST(m.forwarded ->> 'senderId' AS uuid)
), '{{}}') END"""


class MessageEvent(TypedDict):
    """A message, identical for all members."""

    # From a row `m`, its sender `s` and its upload `f`, joined by `MESSAGE_JOINS`.
    id: Annotated[str, Column("m.id", draft="uuid"), Id(), "The id of the message; ids sort by time."]
    chatId: Annotated[str, Column("m.chat_id", draft="uuid"), Id(), "The chat of the message."]
    seq: Annotated[int, Column("m.seq"), "The number of the message in its chat: 1, 2, 3, … without gaps."]
    rev: Annotated[int, Column("m.rev"), "The change number of the chat at the last change of this message."]
    senderId: Annotated[str, Column("m.sender_id", draft="uuid"), Id(), "The id of the sender."]
    sender: Annotated[Sender, Column(build_object(Sender)), "The sender, for display."]
    content: Annotated[
        str | None,
        Column("m.content", draft="text", tombstone=None),
        fields.String(
            validate=validate.Length(max=4000),
            metadata={"description": "The text; null after deletion.", "example": "Hi!"},
        ),
    ]
    type: Annotated[
        str,
        Column("m.type", draft="text"),
        Choice("MessageType", MESSAGE_TYPES),
        "TEXT without a file; IMAGE or FILE by the content of the file; SYSTEM for a note that no user sent. Clients "
        "render a message of an unknown type as its `content`.",
    ]
    fileUrl: Annotated[
        str | None,
        Column("CASE WHEN f.id IS NOT NULL THEN file_url(f.name, f.secret, m.id) END", tombstone=None),
        fields.String(validate=validate.Length(max=2048)),
        "Signed URL of the file, which expires; null without a file.",
    ]
    fileName: Annotated[
        str | None,
        Column("f.file_name", tombstone=None),
        fields.String(validate=validate.Length(max=255)),
        "The name that the sender gave the file; null without a file.",
    ]
    fileSize: Annotated[
        int | None, Column("f.file_size", tombstone=None), "Size of the file in bytes; null without a file."
    ]
    thumbnailUrl: Annotated[
        str | None,
        Column("CASE WHEN f.thumbnail IS NOT NULL THEN file_url(f.thumbnail, f.secret, m.id) END", tombstone=None),
        fields.String(validate=validate.Length(max=2048)),
        "Signed URL of a thumbnail; null unless the type is IMAGE.",
    ]
    width: Annotated[int | None, Column("f.width", tombstone=None), "Width in pixels; null unless the type is IMAGE."]
    height: Annotated[
        int | None, Column("f.height", tombstone=None), "Height in pixels; null unless the type is IMAGE."
    ]
    clientId: Annotated[
        str | None, Column("m.client_id", draft="uuid"), Id(), "The `clientId` that the sender chose, or null."
    ]
    isEdited: Annotated[bool, Column("m.edited_at IS NOT NULL"), "True if the message was edited."]
    isDeleted: Annotated[bool, Column("m.deleted_at IS NOT NULL", tombstone=True), "True if the message was deleted."]
    createdAt: Annotated[str, Column("wire_time(m.created_at)"), Timestamp(), "When the message was stored."]
    editedAt: Annotated[
        str | None,
        Column("wire_time(m.edited_at)"),
        Timestamp(metadata={"example": None}),
        "When the message was last edited, or null.",
    ]
    system: NotRequired[
        Annotated[
            dict[str, Any],
            Column("m.system", tombstone=None),
            fields.Dict(
                keys=fields.String(),
                metadata={
                    "description": "The `event` that a SYSTEM message reports, and its fields. Only with the type SYSTEM.",
                    "x-max-bytes": 2048,
                    "example": {"event": "member.joined", "userId": "01a209c0-dd89-7528-89ae-40572c1fa41a"},
                },
            ),
        ]
    ]
    replyTo: NotRequired[
        Annotated[
            Quote,
            Column(_QUOTE_OF, tombstone=None, sources=("m.reply_to",)),
            "The message that this one replies to, as it is now. Update it when that message is edited or deleted.",
        ]
    ]
    mentions: NotRequired[
        Annotated[
            Mentions,
            Column(MENTIONS, tombstone=None, sources=("m.mention_ids", "m.mentions_all")),
            fields.Nested(schema_of(Mentions)),
            "The members whom the message mentions.",
        ]
    ]
    metadata: NotRequired[
        Annotated[
            dict[str, Any],
            Column("m.metadata", tombstone=None),
            fields.Dict(
                keys=fields.String(),
                metadata={
                    "description": f"Data of your app, up to {MAX_METADATA:,} bytes as JSON.",
                    "x-max-bytes": MAX_METADATA,
                    "example": {"orderId": 4711},
                },
            ),
        ]
    ]
    format: NotRequired[
        Annotated[
            str,
            Column("m.format", tombstone=None),
            Choice("MessageFormat", FORMATS),
            "How to show `content`: as plain text if absent, or as Markdown: **bold**, *italic*, ~~strike~~, `code`, code "
            "fences, quotes, lists and links (http, https, mailto). The text is not checked and contains no HTML.",
        ]
    ]
    reactions: NotRequired[
        Annotated[
            list[Reaction],
            Column("m.reactions", tombstone=None),
            fields.List(fields.Nested(schema_of(Reaction)), validate=validate.Length(max=MAX_REACTIONS)),
            "The reactions, in the order in which they were first given.",
        ]
    ]
    pinnedAt: NotRequired[
        Annotated[
            str,
            Column("wire_time(m.pinned_at)", tombstone=None, sources=("m.pinned_at",)),
            Timestamp(),
            "When the message was pinned.",
        ]
    ]
    pinnedBy: NotRequired[
        Annotated[str, Column("m.pinned_by", tombstone=None), Id(), "The id of the user who pinned it."]
    ]
    forwardedFrom: NotRequired[
        Annotated[
            ForwardedFrom,
            Column(FORWARDED_FROM, tombstone=None, sources=("m.forwarded",)),
            "Of a forwarded message, its first author; `{}` if the author does not want to be named.",
        ]
    ]
    editCount: NotRequired[
        Annotated[
            int,
            Column("m.edit_count", tombstone=None),
            Whole(metadata={"example": 1}),
            "How often the text was edited.",
        ]
    ]


class Message(MessageEvent):
    """A message as the caller sees it, with its delivery status."""

    status: Annotated[
        str,
        Column(_status(DeliveryStatus.SENT)),
        Choice("DeliveryStatus", STATUSES),
        "For a message that the caller sent: the lowest status among the other users who were members when "
        "it was sent (READ if there are none; SENT in the response to sending it). For other messages: the caller's "
        "own status.",
    ]
    reactions: NotRequired[
        Annotated[
            list[Reaction],
            Column(_REACTIONS_OF_READER, tombstone=None, sources=("m.reactions",)),
            fields.List(fields.Nested(schema_of(Reaction)), validate=validate.Length(max=MAX_REACTIONS)),
            "The reactions, in the order in which they were first given.",
        ]
    ]
    replyTo: NotRequired[
        Annotated[
            Quote,
            Column(_QUOTE_OF_READER, tombstone=None, sources=("m.reply_to",)),
            "The message that this one replies to, as it is now. Update it when that message is edited or deleted.",
        ]
    ]
    isHidden: NotRequired[
        Annotated[
            bool,
            Column("false"),
            "True if the caller deleted the message for themselves: then `isDeleted` is true, too, and only the caller sees it "
            "like this. Absent otherwise.",
        ]
    ]


MessageEventSchema = schema_of(MessageEvent)
MessageSchema = schema_of(Message)
MESSAGE_EVENT = build_object(MessageEvent)


def _seen(**expressions: str) -> str:
    """The SQL of the JSON text of a message for the reader whose member row is `me`."""
    tombstone = encode_tombstone(Message, **expressions | {"isHidden": "true"})
    return f"CASE WHEN {IS_HIDDEN_MESSAGE} THEN {tombstone} ELSE {encode_object(Message, **expressions)} END"


# As text, in responses that deliver it: from any chats, or from the chat `:chat_id` to the reader `:user_id`.
MESSAGE_FETCHED = _seen(status=_status(DeliveryStatus.DELIVERED))
MESSAGE_IN_PAGE = _seen(status=_STATUS_IN_PAGE)
MESSAGE_TEXT = _seen()
MESSAGE = f"CAST({MESSAGE_TEXT} AS json)"
MESSAGE_EVENT_TEXT = encode_object(MessageEvent)
# For a server, with the status that the sender sees.
MESSAGE_FOR_SERVER = encode_object(
    Message, status=_STATUS_OF_OTHERS % "o.reads_privately", reactions="m.reactions", replyTo=_QUOTE_OF
)
MESSAGE_JOINS = """
    JOIN users s ON s.id = m.sender_id LEFT JOIN uploads f ON f.id = m.upload_id AND m.deleted_at IS NULL
"""
# The same, for few rows of an ordered list.
MESSAGE_JOINS_BY_KEY = """
    CROSS JOIN LATERAL (SELECT * FROM users WHERE id = m.sender_id LIMIT 1) s
    LEFT JOIN LATERAL (SELECT * FROM uploads WHERE id = m.upload_id AND m.deleted_at IS NULL LIMIT 1) f ON true
"""


def messages_since(rev: str, limit: str = ":limit", after: str = "0") -> str:
    """The SQL of the first messages of a chat `c`, with a `seq` after `after`, that were created or changed after `rev`, in
    the order of `rev`.

    An index by `rev` has only those that were changed. The others have the `rev` of their creation, which increases with
    `seq` and is ahead of it by the other changes of the chat until then, at most by those until now.
    """
    above = f" AND seq > {after}" if after != "0" else ""
    return f"""(
        (
            SELECT * FROM messages WHERE chat_id = c.id AND rev > {rev} AND {CHANGED}{above} ORDER BY rev LIMIT {limit}
        ) UNION ALL (
            SELECT * FROM messages
            WHERE chat_id = c.id AND seq > {rev} - (c.last_rev - c.last_seq) AND rev > {rev}
            AND {CHANGED} IS NOT TRUE{above}
            ORDER BY seq LIMIT {limit}
        ) ORDER BY rev LIMIT {limit}
    )"""


def take_numbers(count: str) -> str:
    """The SQL that takes the next numbers of a chat `c` for new messages, in the SET clause of an update, which locks the
    row of the chat."""
    return (
        f"last_seq = c.last_seq + {count}, last_rev = c.last_rev + {count}, "
        "updated_at = greatest(c.updated_at, clock_timestamp())"
    )


# The fields that describe the file of a message, from the upload `f`.
FILE = build_object(MessageEvent, of="f")
_COLUMNS = columns_of(MessageEvent)
# The fields that a draft sets.
DRAFT = {field: column for field, column in _COLUMNS.items() if column.draft}
# What a deletion sets in a row `m`; without an upload the fields of the file are null.
_EMPTIED = [
    source.removeprefix("m.")
    for column in _COLUMNS.values()
    for source in column.sources
    if column.tombstone is None and source.startswith("m.")
]
DELETION = ", ".join([f"{name} = NULL" for name in [*_EMPTIED, "upload_id"]] + ["deleted_at = clock_timestamp()"])
# A message whose fields are null or empty.
BLANK: MessageEvent = cast(MessageEvent, blank(MessageEvent))
