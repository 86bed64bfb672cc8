"""Changes that a client missed, in responses bounded in bytes: however large chats and messages are, no response comes
near the backlog bound at which a socket is aborted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orjson import Fragment
from sqlalchemy import Connection

from chatapp.core.db import Row, snapshot
from chatapp.core.identity import Actor
from chatapp.core.pagination import encode_cursor
from chatapp.core.prepared import Prepared, array
from chatapp.features.chats.queries import AFTER_CURSOR, FIRST_CHAT
from chatapp.features.messages.schemas import MAX_SYNC_BYTES, SyncResponse
from chatapp.features.own_state.queries import own_changes
from chatapp.representations.chat import CHAT_TEXT
from chatapp.representations.chat_state import CLEARED, READ_POSITION
from chatapp.representations.message import MESSAGE_FETCHED, MESSAGE_JOINS, messages_since

MAX_MESSAGES_OF_A_CHAT = 100
MAX_MESSAGES = 500
MAX_CHATS = 1000
# Bytes around the parts: keys, the envelope of a response or an ack, the cursor.
_ENVELOPE_BYTES = 1024
# A quoted id in a list or as a key, and a count beside it.
_ID_BYTES = 40
_COUNT_BYTES = 20
# Chats, or approximate messages, that are read at a time while there is room.
_CHATS_AT_A_TIME = 50
_MESSAGES_AT_A_TIME = 128

# A page of the reader's chats, most recently active first, with the client's state of them.
_PAGE = f"""
    SELECT c.id::text, k.known_rev, coalesce(k.rev > c.last_rev, false) AS is_reset,
           k.rev IS DISTINCT FROM c.last_rev AS is_changed, c.last_rev, c.last_seq - {READ_POSITION} AS unread,
           CASE WHEN k.rev = c.last_rev AND me.delivered_seq < c.last_seq THEN c.last_seq END AS sent_seq,
           EXISTS {messages_since("k.known_rev", "1", CLEARED)} AS has_messages,
           (extract(epoch FROM c.updated_at) * 1000)::bigint AS updated
    FROM %s, LATERAL (SELECT known.rev, CASE WHEN known.rev <= c.last_rev THEN known.rev ELSE 0 END AS known_rev) k
    WHERE me.user_id = :user_id AND {AFTER_CURSOR}
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
    SELECT {CHAT_TEXT}
    FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY k (chat_id, place)
         JOIN members me ON me.chat_id = k.chat_id AND me.user_id = :user_id JOIN chats c ON c.id = k.chat_id
    ORDER BY k.place
    """,
)
# One row more than the limit tells that there are more.
_MESSAGES = Prepared(
    "sync_messages",
    f"""
    SELECT k.chat_id::text, x.message, x.seq, x.delivered_seq
    FROM unnest(CAST(:ids AS uuid[]), CAST(:revs AS bigint[])) WITH ORDINALITY k (chat_id, rev, place),
         LATERAL (
             SELECT {MESSAGE_FETCHED} AS message, m.seq, m.rev, me.delivered_seq
             FROM members me JOIN chats c ON c.id = me.chat_id
                  CROSS JOIN LATERAL {messages_since("k.rev", after=CLEARED)} m {MESSAGE_JOINS}
             WHERE me.chat_id = k.chat_id AND me.user_id = :user_id
         ) x
    ORDER BY k.place, x.rev
    """,
)


@dataclass(frozen=True, slots=True)
class _Chat:
    """A chat of the reader: `known_rev` is the client's state, `unread` and `sent_seq` are for its receipts, `updated`
    is the time of its last activity in milliseconds."""

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
    """The response to a `sync`; `newest` is the highest `seq` per chat that this response newly delivers."""

    response: SyncResponse
    newest: dict[str, int]


@dataclass(slots=True)
class _Messages:
    """The messages of a response while it is filled: `left` is the remaining room in bytes."""

    left: int
    by_chat: dict[str, list[Fragment]] = field(default_factory=dict)
    more: list[str] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)
    count: int = 0
    is_full: bool = False

    def add(self, chat_id: str, message: str, seq: int, delivered_seq: int) -> None:
        """Add a message, or mark its chat as having more."""
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
        """Mark a chat as having more messages."""
        if chat_id not in self.more[-1:]:
            self.more.append(chat_id)


def missed(
    actor: Actor, known: dict[str, int], *, only_named: bool, cursor: tuple[int, str] | None, me: int | None = None
) -> Missed:
    """The changes since the reader's `rev` of each chat, at most `MAX_SYNC_BYTES` of JSON.

    `chats` are new or changed, `messages` were created or changed since then, in the order of `rev`; `more` are the
    chats with further changes, `gone` those in `known` that the reader has left, `unread` counts per chat, `reset`
    chats where the reader was ahead of the server, `nextCursor` the start of the next chats. `only_named` restricts
    everything to the chats in `known`. With `me`, the first response has the changes of the reader's own state since then. A response is one snapshot: a client that continues from its highest `rev` has
    missed nothing below that.
    """
    before, before_id = cursor or FIRST_CHAT
    values = {"user_id": actor.user_id, "ids": array(known), "revs": array(known.values())}
    with snapshot() as db:
        gone = [chat_id for (chat_id,) in _GONE.execute(db, values)] if known and not cursor else []
        statement = _NAMED_CHATS if only_named else _ALL_CHATS
        key = {"before": before, "before_id": before_id, "limit": MAX_CHATS + 1}
        listed = [_Chat(*row) for row in statement.execute(db, values | key)]
        room = MAX_SYNC_BYTES - _ENVELOPE_BYTES - _ID_BYTES * len(gone)
        own, size = own_changes(db, actor.user_id, me, room // 4) if me is not None and not cursor else (None, 0)
        room = max(room - size, 0)
        chats, covered, left = _fit_chats(db, actor, listed, room)
        messages = _fit_messages(db, actor, covered, left)
    # The client has received these, though its worker may have ended before it recorded the delivery.
    newest = {chat.id: chat.sent_seq for chat in covered if chat.sent_seq} | messages.newest
    last = covered[-1] if covered else None
    response: SyncResponse = {
        "chats": chats,
        "messages": messages.by_chat,
        "more": messages.more,
        "gone": gone,
        "unread": {chat.id: chat.unread for chat in covered},
        "reset": [chat.id for chat in covered if chat.is_reset],
        "nextCursor": encode_cursor((last.updated, last.id)) if last and len(covered) < len(listed) else None,
    }
    if own:
        response["me"] = own
    return Missed(response, newest)


def _fit_chats(
    db: Connection, actor: Actor, listed: Sequence[_Chat], room: int
) -> tuple[list[Fragment], list[_Chat], int]:
    """The changed chats: the first of `listed` that fit into half of `room` (the other half is left to messages), and
    the rest of `room`. At least one chat is included."""
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
    """The chats as the reader sees them, read in portions, since not all may be needed."""
    for start in range(0, len(chat_ids), _CHATS_AT_A_TIME):
        ids = array(chat_ids[start : start + _CHATS_AT_A_TIME])
        for (chat,) in _CHATS.execute(db, {"user_id": actor.user_id, "ids": ids}):
            yield chat.encode()


def _fit_messages(db: Connection, actor: Actor, chats: Sequence[_Chat], room: int) -> _Messages:
    """The messages of these chats that fit."""
    messages = _Messages(room)
    left = iter([chat for chat in chats if chat.has_messages])
    while not messages.is_full and (some := _some_chats(left)):
        for row in _messages_of(db, actor, some):
            messages.add(*row)
    for chat in left:
        messages.add_more(chat.id)
    return messages


def _some_chats(chats: Iterator[_Chat]) -> list[_Chat]:
    """The next chats that together have few enough missed messages to be read at once."""
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
