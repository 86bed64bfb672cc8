"""What a client missed, in responses that are bounded in bytes: whatever the chats and messages contain, no response
comes near the bound at which a socket that does not read is disconnected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orjson import Fragment
from sqlalchemy import Connection

from chatapp.chats.queries import CHAT_SEEN, FIRST_CHAT, MESSAGE_JOINS
from chatapp.core.db import Row, snapshot
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import encode_cursor
from chatapp.core.prepared import Prepared, array
from chatapp.messages.queries import MESSAGE_FETCHED
from chatapp.messages.schemas import MAX_SYNC_BYTES

MAX_MESSAGES_OF_A_CHAT = 100
MAX_MESSAGES = 500
MAX_CHATS = 1000
# What stands around the parts: their names, the envelope of a response or an ack, the cursor.
_ENVELOPE_BYTES = 1024
# A quoted id in a list or as a key, and a count beside it.
_ID_BYTES = 40
_COUNT_BYTES = 20
# How many chats, or about how many messages, are read at a time while there is room.
_CHATS_AT_A_TIME = 50
_MESSAGES_AT_A_TIME = 128

# A page of the reader's chats, most recently active first, beside what the client knows of them.
_PAGE = """
    SELECT c.id::text, k.known_rev, coalesce(k.rev > c.last_rev, false) AS is_reset,
           k.rev IS DISTINCT FROM c.last_rev AS is_changed, c.last_rev, c.last_seq - me.read_seq AS unread,
           CASE WHEN k.rev = c.last_rev AND me.delivered_seq < c.last_seq THEN c.last_seq END AS sent_seq,
           EXISTS (SELECT FROM messages m WHERE m.chat_id = c.id AND m.rev > k.known_rev) AS has_messages,
           (extract(epoch FROM c.updated_at) * 1000)::bigint AS updated
    FROM %s, LATERAL (SELECT known.rev, CASE WHEN known.rev <= c.last_rev THEN known.rev ELSE 0 END AS known_rev) k
    WHERE me.user_id = :user_id AND (c.updated_at, c.id) < (to_timestamp(:before / 1000.0), CAST(:before_id AS uuid))
    ORDER BY c.updated_at DESC, c.id DESC
    LIMIT :limit
"""
_KNOWN = "unnest(CAST(:ids AS uuid[]), CAST(:revs AS bigint[])) known (chat_id, rev)"
_ALL_CHATS = Prepared(
    "sync_all",
    _PAGE % f"members me JOIN chats c ON c.id = me.chat_id LEFT JOIN {_KNOWN} ON known.chat_id = c.id",
)
_NAMED_CHATS = Prepared(
    "sync_named",
    _PAGE % f"{_KNOWN} JOIN members me ON me.chat_id = known.chat_id JOIN chats c ON c.id = me.chat_id",
)
_GONE = Prepared(
    "sync_gone",
    """
    SELECT k.chat_id::text FROM unnest(CAST(:ids AS uuid[])) k (chat_id)
    WHERE NOT EXISTS (SELECT FROM members me WHERE me.chat_id = k.chat_id AND me.user_id = :user_id)
    """,
)
_CHATS = Prepared(
    "sync_chats",
    f"""
    SELECT json_build_object({CHAT_SEEN})::text
    FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY k (chat_id, place)
         JOIN members me ON me.chat_id = k.chat_id AND me.user_id = :user_id JOIN chats c ON c.id = k.chat_id
    ORDER BY k.place
    """,
)
# A row more than may be given of a chat says that there is more.
_MESSAGES = Prepared(
    "sync_messages",
    f"""
    SELECT k.chat_id::text, x.message, x.seq, x.delivered_seq
    FROM unnest(CAST(:ids AS uuid[]), CAST(:revs AS bigint[])) WITH ORDINALITY k (chat_id, rev, place),
         LATERAL (
             SELECT {MESSAGE_FETCHED}::text AS message, m.seq, m.rev, me.delivered_seq
             FROM members me JOIN messages m ON m.chat_id = me.chat_id {MESSAGE_JOINS}
             WHERE me.chat_id = k.chat_id AND me.user_id = :user_id AND m.rev > k.rev
             ORDER BY m.rev LIMIT :limit
         ) x
    ORDER BY k.place, x.rev
    """,
)


@dataclass(frozen=True, slots=True)
class _Chat:
    """A chat of the reader's: `known_rev` is what the client has of it, `unread` and `sent_seq` are for its receipts,
    `updated` is the moment of its last activity in milliseconds."""

    id: str
    known_rev: int
    is_reset: bool
    is_changed: bool
    last_rev: int
    unread: int
    sent_seq: int | None
    has_messages: bool
    updated: int


@dataclass(slots=True)
class Missed:
    """The response to a `sync`; `newest` is the highest `seq` of each chat that this response newly delivers."""

    response: Json
    newest: dict[str, int]


@dataclass(slots=True)
class _Messages:
    """The messages of a response as it is filled: `left` is how many bytes there is room for."""

    left: int
    by_chat: dict[str, list[Fragment]] = field(default_factory=dict)
    more: list[str] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)
    count: int = 0
    is_full: bool = False

    def add(self, chat_id: str, message: str, seq: int, delivered_seq: int) -> None:
        """Take a message, or note that its chat has more than there is room for."""
        text = message.encode()
        has_all = len(self.by_chat.get(chat_id, ())) == MAX_MESSAGES_OF_A_CHAT
        self.is_full = self.is_full or (not has_all and (self.count == MAX_MESSAGES or len(text) >= self.left))
        if has_all or self.is_full:
            self.add_more(chat_id)
            return
        self.by_chat.setdefault(chat_id, []).append(Fragment(text))
        self.count += 1
        self.left -= len(text) + 1
        if seq > delivered_seq:
            self.newest[chat_id] = max(seq, self.newest.get(chat_id, 0))

    def add_more(self, chat_id: str) -> None:
        """Note that there is more of a chat."""
        if chat_id not in self.more[-1:]:
            self.more.append(chat_id)


def missed(actor: Actor, known: dict[str, int], *, only_named: bool, cursor: tuple[int, str] | None) -> Missed:
    """What changed since a reader was at these `rev`s of these chats, at most `MAX_SYNC_BYTES` of JSON.

    `chats` are those new to the reader or changed, `messages` those created or changed since in the order of `rev`,
    `more` the chats of which that was not all, `gone` those named in which the reader no longer is, `unread` a number
    for each chat, `reset` those where the reader was ahead of the server, `nextCursor` where the next chats start.
    `only_named` restricts all of it to the chats in `known`. A response is of one moment: a client that goes on from the highest `rev` in it has missed nothing below that.
    """
    before, before_id = cursor or FIRST_CHAT
    values = {"user_id": actor.user_id, "ids": array(known), "revs": array(known.values())}
    with snapshot() as db:
        gone = [chat_id for (chat_id,) in _GONE.execute(db, values)] if known and not cursor else []
        statement = _NAMED_CHATS if only_named else _ALL_CHATS
        key = {"before": before, "before_id": before_id, "limit": MAX_CHATS + 1}
        listed = [_Chat(*row) for row in statement.execute(db, values | key)]
        room = MAX_SYNC_BYTES - _ENVELOPE_BYTES - _ID_BYTES * len(gone)
        chats, covered, left = _fit_chats(db, actor, listed, room)
        messages = _fit_messages(db, actor, covered, left)
    # What the client has was handed to it, though the worker that did so may have ended before that was noted.
    newest = {chat.id: chat.sent_seq for chat in covered if chat.sent_seq} | messages.newest
    last = covered[-1] if covered else None
    response = {
        "chats": chats,
        "messages": messages.by_chat,
        "more": messages.more,
        "gone": gone,
        "unread": {chat.id: chat.unread for chat in covered},
        "reset": [chat.id for chat in covered if chat.is_reset],
        "nextCursor": encode_cursor((last.updated, last.id)) if last and len(covered) < len(listed) else None,
    }
    return Missed(response, newest)


def _fit_chats(
    db: Connection, actor: Actor, listed: Sequence[_Chat], room: int
) -> tuple[list[Fragment], list[_Chat], int]:
    """The objects of those chats that changed, the first of `listed` whose parts fit into half of `room`, which leaves
    the other half to messages, and how much of `room` is left. One chat always fits."""
    objects = _chat_objects(db, actor, [chat.id for chat in listed[:MAX_CHATS] if chat.is_changed])
    chats: list[Fragment] = []
    covered: list[_Chat] = []
    used = 0
    for chat in listed[:MAX_CHATS]:
        text = next(objects) if chat.is_changed else b""
        size = len(text) + 1 + _ID_BYTES + _COUNT_BYTES
        size += _ID_BYTES * (chat.is_reset + 2 * chat.has_messages)
        if covered and used + size > room // 2:
            break
        used += size
        covered.append(chat)
        if text:
            chats.append(Fragment(text))
    return chats, covered, room - used


def _chat_objects(db: Connection, actor: Actor, chat_ids: Sequence[str]) -> Iterator[bytes]:
    """The chats as the reader sees them, read some at a time, since not all may be wanted."""
    for start in range(0, len(chat_ids), _CHATS_AT_A_TIME):
        ids = array(chat_ids[start : start + _CHATS_AT_A_TIME])
        for (chat,) in _CHATS.execute(db, {"user_id": actor.user_id, "ids": ids}):
            yield chat.encode()


def _fit_messages(db: Connection, actor: Actor, chats: Sequence[_Chat], room: int) -> _Messages:
    """The messages of these chats that there is room for."""
    messages = _Messages(room)
    left = iter([chat for chat in chats if chat.has_messages])
    while not messages.is_full and (some := _some_chats(left)):
        for row in _messages_of(db, actor, some):
            messages.add(*row)
    for chat in left:
        messages.add_more(chat.id)
    return messages


def _some_chats(chats: Iterator[_Chat]) -> list[_Chat]:
    """The next chats, of which together so many messages may be missing that they are read at once."""
    some: list[_Chat] = []
    expected = 0
    for chat in chats:
        some.append(chat)
        expected += min(MAX_MESSAGES_OF_A_CHAT, chat.last_rev - chat.known_rev)
        if expected >= _MESSAGES_AT_A_TIME:
            break
    return some


def _messages_of(db: Connection, actor: Actor, chats: Sequence[_Chat]) -> list[Row]:
    return _MESSAGES.execute(
        db,
        {
            "user_id": actor.user_id,
            "ids": array(chat.id for chat in chats),
            "revs": array(chat.known_rev for chat in chats),
            "limit": MAX_MESSAGES_OF_A_CHAT + 1,
        },
    )
