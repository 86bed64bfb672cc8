"""Chats, the same for all members or as one of them sees them."""

from typing import Annotated, Any, NotRequired, TypedDict, cast

from marshmallow import fields, validate

from chatapp.core.objects import Column, build_object, encode_object, schema_of
from chatapp.core.schemas import Choice, Id, Timestamp, Whole
from chatapp.models.enums import Announcement, ChatType
from chatapp.representations.chat_state import (
    CHAT_STATE,
    CLEARED,
    IS_ARCHIVED,
    IS_HIDDEN,
    IS_MUTED,
    READ_POSITION,
    ChatState,
)
from chatapp.representations.member import MEMBER, MEMBER_SEEN, Member, MemberSchema
from chatapp.representations.message import (
    MESSAGE,
    MESSAGE_EVENT,
    MESSAGE_EVENT_TEXT,
    MESSAGE_JOINS,
    MESSAGE_TEXT,
    Message,
    MessageEvent,
)
from chatapp.representations.user import USER_SEEN, USER_SEEN_TEXT, ShownAvatar, ShownData, User

CHAT_TYPES = tuple(kind.value for kind in ChatType)
ANNOUNCEMENTS = tuple(kind.value for kind in Announcement)
# Members in a chat object; `GET /chats/:id/members` lists all.
MAX_MEMBERS = 100
# seq has no gaps and tombstones stay, so the newest message is number last_seq.
_LAST_MESSAGE = f"(SELECT %s FROM messages m {MESSAGE_JOINS} WHERE m.chat_id = c.id AND m.seq = c.last_seq)"
# For the reader whose member row is `me`.
_LAST_MESSAGE_SEEN = f"""(
    SELECT %s FROM messages m {MESSAGE_JOINS} WHERE m.chat_id = c.id AND m.seq = c.last_seq AND m.seq > {CLEARED}
)"""
_PIN_COUNT = "(SELECT count(*) FROM messages p WHERE p.chat_id = c.id AND p.pinned_at IS NOT NULL)"
_PIN_COUNT_SEEN = f"{_PIN_COUNT[:-1]} AND p.seq > {CLEARED})"
_PEER = """CASE c.type WHEN 'DIRECT' THEN (
    SELECT %s FROM members o JOIN users u ON u.id = o.user_id WHERE o.chat_id = c.id AND o.user_id <> me.user_id
) END"""
MAX_MENTION_COUNT = 100
# Of a chat `c` and its member `me`; NULL, and nothing is read, without unread messages. Messages that mention a member both
# ways count once, those of users whom the member blocks and those that are deleted for the member not at all.
_COUNTED = """%s.sender_id NOT IN (SELECT blocked_id FROM blocks WHERE user_id = me.user_id)
        AND NOT (me.has_hidden AND EXISTS (
            SELECT FROM hidden_messages h WHERE h.user_id = me.user_id AND h.message_id = %s
        ))"""
MENTION_COUNT = f"""CASE WHEN c.last_seq > {READ_POSITION} THEN least({MAX_MENTION_COUNT}, (
    SELECT count(*) FROM (
        SELECT FROM mentions n WHERE n.user_id = me.user_id AND n.chat_id = c.id
        AND n.seq > greatest({READ_POSITION}, {CLEARED}) AND {_COUNTED % ("n", "n.message_id")}
        LIMIT {MAX_MENTION_COUNT}
    ) named
) + (
    SELECT count(*) FROM (
        SELECT FROM messages a
        WHERE a.chat_id = c.id AND a.mentions_all AND a.seq > greatest({READ_POSITION}, me.joined_seq, {CLEARED})
        AND a.sender_id <> me.user_id AND me.user_id <> ALL(coalesce(a.mention_ids, '{{}}'))
        AND {_COUNTED % ("a", "a.id")}
        LIMIT {MAX_MENTION_COUNT}
    ) everyone
)) END"""
# The sums `n` of the unread messages of a user `u`.
UNREAD_SUMS = f"""LATERAL (
    SELECT count(*) AS chats, coalesce(sum(c.last_seq - {READ_POSITION}), 0)::bigint AS messages,
           coalesce(sum({MENTION_COUNT}), 0)::bigint AS mentions
    FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.user_id = u.id AND c.last_seq > {READ_POSITION}
    AND NOT {IS_MUTED} AND NOT {IS_ARCHIVED} AND NOT {IS_HIDDEN}
) n"""
# The order of joining. Two members may join within a millisecond; then their ids decide.
_FIRST_MEMBERS = f"""(
    SELECT coalesce(json_agg(%s ORDER BY o.joined_at, o.user_id), '[]')
    FROM (SELECT * FROM members WHERE chat_id = c.id ORDER BY joined_at, user_id LIMIT {MAX_MEMBERS}) o
         JOIN users u ON u.id = o.user_id
)"""
_FirstMembers = Annotated[
    list[Member],
    Column(_FIRST_MEMBERS % MEMBER),
    fields.List(fields.Nested(MemberSchema), validate=validate.Length(max=MAX_MEMBERS)),
    "The first 100 members by time of joining; `GET /chats/{chatId}/members` lists all.",
]


class _ChatFields(TypedDict):
    # From a row `c`.
    id: Annotated[str, Column("c.id"), Id(), "The id of the chat."]
    type: Annotated[str, Column("c.type"), Choice("ChatType", CHAT_TYPES), "A direct chat of two users, or a group."]
    name: Annotated[
        str | None,
        Column("c.name"),
        fields.String(validate=validate.Length(max=100)),
        "Null for a direct chat.",
    ]
    description: Annotated[
        str | None,
        Column("c.description"),
        fields.String(validate=validate.Length(max=500)),
        "The description of a group, or null.",
    ]
    avatar: Annotated[str | None, Column("c.avatar"), ShownAvatar()]
    createdAt: Annotated[str, Column("wire_time(c.created_at)"), Timestamp(), "When the chat was created."]
    updatedAt: Annotated[
        str, Column("wire_time(c.updated_at)"), Timestamp(), "When the chat last changed or received a message."
    ]
    memberCount: Annotated[
        int, Column("c.member_count"), Whole(metadata={"description": "The number of members.", "example": 2})
    ]
    lastSeq: Annotated[int, Column("c.last_seq"), "The `seq` of the latest message; 0 if there is none."]
    lastRev: Annotated[int, Column("c.last_rev"), "The `rev` of the latest change of any kind."]
    externalId: NotRequired[
        Annotated[
            str,
            Column("c.external_id"),
            fields.String(
                validate=validate.Length(max=128),
                metadata={
                    "description": "The id of the chat in your app; absent if there is none. With `EXTERNAL_IDS=private` "
                    "only API keys see it.",
                    "example": "order-4711",
                },
            ),
        ]
    ]
    data: NotRequired[Annotated[dict[str, Any], Column("c.data"), ShownData(8 * 1024)]]
    pinCount: NotRequired[
        Annotated[
            int,
            Column(_PIN_COUNT),
            Whole(metadata={"example": 1}),
            "The number of pinned messages; absent if there are none.",
        ]
    ]


class _SharedChat(_ChatFields):
    # The same for all readers.

    lastMessage: Annotated[MessageEvent | None, Column(_LAST_MESSAGE % MESSAGE_EVENT), "The latest message, or null."]


class ChatEvent(_SharedChat):
    """A chat after a change of it, identical for all members."""

    rev: Annotated[int, Column("c.last_rev"), "The change number of the change, the same as `lastRev`."]


class NewChatEvent(_SharedChat):
    """A chat with its first members, identical for all members."""

    members: _FirstMembers


class ServerChat(_SharedChat):
    """A chat, as a server sees it."""

    announces: NotRequired[
        Annotated[
            list[str],
            Column("to_json(c.announces)"),
            fields.List(Choice("Announcement", ANNOUNCEMENTS), validate=validate.Length(max=len(ANNOUNCEMENTS))),
            "The changes that the group announces by system messages; absent if there are none.",
        ]
    ]


class ServerChatDetail(ServerChat):
    """A chat, as a server sees it, with its first 100 members."""

    members: _FirstMembers


class Chat(_ChatFields):
    """A chat, as the caller sees it."""

    # For the reader whose member row is `me`.
    unreadCount: Annotated[
        int,
        Column(f"c.last_seq - {READ_POSITION}"),
        "The number of unread messages: `lastSeq` minus the caller's read position, or minus the position before the first "
        "message marked as unread if that is lower.",
    ]
    lastMessage: Annotated[
        Message | None,
        Column(_LAST_MESSAGE_SEEN % MESSAGE),
        "The latest message; null if there is none, or none after `clear`.",
    ]
    peer: Annotated[
        User | None,
        Column(_PEER % USER_SEEN),
        "The other user of a direct chat; null for a group.",
    ]
    mentionCount: NotRequired[
        Annotated[
            int,
            Column(MENTION_COUNT),
            Whole(metadata={"example": 1}),
            f"The number of unread messages that mention the caller, by id or with all members; {MAX_MENTION_COUNT} stands "
            "for this many or more. Absent if there are none.",
        ]
    ]
    pinCount: NotRequired[
        Annotated[
            int,
            Column(f"""(
                SELECT count(*) FROM messages p
                WHERE p.chat_id = c.id AND p.pinned_at IS NOT NULL AND p.seq > {CLEARED}
            )"""),
            Whole(metadata={"example": 1}),
            "The number of pinned messages, without those that the caller cleared; absent if there are none.",
        ]
    ]
    me: NotRequired[
        Annotated[
            ChatState,
            Column(f"CASE WHEN me.me_rev > 0 THEN {CHAT_STATE} END"),
            "The caller's own state of the chat; absent until the first change of it.",
        ]
    ]


class ChatDetail(Chat):
    """A chat, as the caller sees it, with its first 100 members."""

    members: _FirstMembers


class UnreadSums(TypedDict):
    """The unread messages of the caller, without chats that are muted, archived or hidden."""

    # From the sums `n`.
    chats: Annotated[
        int, Column("n.chats"), Whole(metadata={"example": 2}), "The number of chats with unread messages."
    ]
    messages: Annotated[int, Column("n.messages"), Whole(metadata={"example": 5}), "The number of unread messages."]
    mentions: Annotated[
        int,
        Column("n.mentions"),
        Whole(metadata={"example": 1}),
        f"The number of unread messages that mention the user, at most {MAX_MENTION_COUNT} of each chat.",
    ]


def updated_event(chat: NewChatEvent) -> ChatEvent:
    """A chat for `chat:updated`."""
    changed = {name: value for name, value in chat.items() if name != "members"}
    return cast(ChatEvent, changed | {"rev": chat["lastRev"]})


UnreadSumsSchema = schema_of(UnreadSums)
ChatEventSchema = schema_of(ChatEvent)
NewChatEventSchema = schema_of(NewChatEvent)
ChatSchema = schema_of(Chat)
ServerChatSchema = schema_of(ServerChat)
ServerChatDetailSchema = schema_of(ServerChatDetail)
ChatDetailSchema = schema_of(ChatDetail)
CHAT_EVENT = build_object(ChatEvent)
NEW_CHAT_EVENT = build_object(NewChatEvent)
CHAT = build_object(Chat, pinCount=_PIN_COUNT_SEEN)
CHAT_DETAIL = build_object(ChatDetail, members=_FIRST_MEMBERS % MEMBER_SEEN, pinCount=_PIN_COUNT_SEEN)
UNREAD = build_object(UnreadSums)
SERVER_CHAT = build_object(ServerChat)
SERVER_CHAT_DETAIL = build_object(ServerChatDetail)
# As text, in lists.
CHAT_TEXT = encode_object(
    Chat, lastMessage=_LAST_MESSAGE_SEEN % MESSAGE_TEXT, peer=_PEER % USER_SEEN_TEXT, pinCount=_PIN_COUNT_SEEN
)
SERVER_CHAT_TEXT = encode_object(ServerChat, lastMessage=_LAST_MESSAGE % MESSAGE_EVENT_TEXT)
