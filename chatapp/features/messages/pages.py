"""Pages of a chat's messages, by key, never by counting: a page costs the same at any depth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orjson import Fragment

from chatapp.core.db import Row
from chatapp.core.errors import Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.pagination import MAX_KEY, Page, encode_cursor, page
from chatapp.core.prepared import Prepared
from chatapp.features.chats.queries import require_member
from chatapp.representations.chat_state import CLEARED
from chatapp.representations.message import (
    IS_FOUND_MESSAGE,
    MESSAGE_IN_PAGE,
    MESSAGE_JOINS_BY_KEY,
    messages_since,
)

# `me` has the watermark from before this page; the action records that the page moves it.
_PAGE = f"""
    SELECT {MESSAGE_IN_PAGE}, m.seq, m.rev, me.delivered_seq
    FROM members me %s m {MESSAGE_JOINS_BY_KEY}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id ORDER BY %s
"""
# The page is limited before it is joined: a plan for a chat of the usual size would read and sort all messages of a large one.
_BESIDE = f"""CROSS JOIN LATERAL (
    SELECT * FROM messages WHERE chat_id = me.chat_id AND seq > {CLEARED} AND seq %s LIMIT :limit
)"""
BACK_IN_TIME = Prepared("back_in_time", _PAGE % (_BESIDE % "< :key ORDER BY seq DESC", "m.seq DESC"))
FORWARD_IN_TIME = Prepared("forward_in_time", _PAGE % (_BESIDE % "> :key ORDER BY seq", "m.seq"))
CHANGED_SINCE = Prepared(
    "changed_since",
    _PAGE
    % (
        f"JOIN chats c ON c.id = me.chat_id CROSS JOIN LATERAL {messages_since(':key', after=CLEARED)}",
        "m.rev",
    ),
)


def messages_around(after: str = "0", found: str = "true") -> str:
    """The SQL of the messages `m` of a chat `c`, with a `seq` after `after`, on both sides of the one that is `named`, by
    `:id`, if that message `m` is `found`, or by `:seq`, or nearest to that `seq`."""
    return f"""
    CROSS JOIN LATERAL (
        SELECT CASE WHEN CAST(:id AS uuid) IS NULL
            THEN least(greatest(CAST(:seq AS bigint), {after} + 1), c.last_seq)
            ELSE (SELECT m.seq FROM messages m WHERE m.id = CAST(:id AS uuid) AND m.chat_id = c.id AND {found})
        END AS seq
    ) named CROSS JOIN LATERAL (
        (
            SELECT * FROM messages WHERE chat_id = c.id AND seq <= named.seq AND seq > {after} ORDER BY seq DESC LIMIT :older
        ) UNION ALL (
            SELECT * FROM messages WHERE chat_id = c.id AND seq > named.seq ORDER BY seq LIMIT :newer
        )
    ) m
    """


AROUND = Prepared(
    "around",
    f"""
    SELECT {MESSAGE_IN_PAGE}, m.seq, named.seq, me.delivered_seq
    FROM members me JOIN chats c ON c.id = me.chat_id {messages_around(CLEARED, IS_FOUND_MESSAGE)} {MESSAGE_JOINS_BY_KEY}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id ORDER BY m.seq DESC
    """,
)
# The cursor of the messages before, or after (NEWER), the one with this `seq`.
Encode = Callable[[str, int], str]
BEFORE, AFTER, NEWER = "before", "after", "newer"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page of a chat's messages. `newest_seq` is its highest `seq` if it was not delivered to the reader before."""

    page: Page
    newest_seq: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """Successive messages of a chat as JSON, newest first, each with its `seq`."""

    messages: Sequence[tuple[Fragment, int]]
    has_newer: bool
    has_older: bool

    @classmethod
    def around(cls, rows: Sequence[Row], limit: int) -> "Window":
        """From rows of `messages_around`: a message, its `seq`, and that of the one in the middle."""
        messages = [(Fragment(message), seq) for message, seq, *_ in rows]
        newer = sum(seq > named_seq for _, seq, named_seq, *_ in rows)
        surplus = max(0, newer - limit // 2)
        end = newer + limit - limit // 2
        return cls(messages[surplus:end], surplus > 0, len(messages) > end)

    @classmethod
    def after(cls, rows: Sequence[Row], limit: int) -> "Window":
        """From rows after a message, oldest first and one more than `limit`: a message and its `seq`."""
        messages = [(Fragment(message), seq) for message, seq, *_ in rows[:limit]]
        return cls(messages[::-1], len(rows) > limit, bool(messages))

    def page(self, encode: Encode) -> Page:
        """The page that shows it."""
        seqs = [seq for _, seq in self.messages]
        return Page(
            [message for message, _ in self.messages],
            encode(BEFORE, seqs[-1]) if self.has_older else None,
            self.has_newer,
            encode(NEWER, seqs[0]) if self.has_newer else None,
        )


def list_messages(
    actor: Actor,
    chat_id: str,
    *,
    limit: int,
    after: int | None,
    cursor: tuple[str, int] | None,
    around: int | str | None,
) -> Fetched:
    """A chat's messages, newest first; with `after` those created or changed since that `rev`, in the order of `rev`; with
    `around` those on both sides of a message. Raises NotFound for non-members, and for an id of no message of the chat."""
    direction, key = cursor or ((BEFORE, MAX_KEY) if after is None else (AFTER, after))
    if around is not None or direction == NEWER:
        return _list_window(actor, chat_id, limit, around, key)
    who = {"chat_id": chat_id, "user_id": actor.user_id}
    statement = CHANGED_SINCE if direction == AFTER else BACK_IN_TIME
    rows = statement.read(who | {"key": key, "limit": limit + 1})
    if not rows:
        require_member(actor, chat_id)
    items = [(Fragment(message), (direction, rev if direction == AFTER else seq)) for message, seq, rev, _ in rows]
    return Fetched(page(items, limit), _undelivered(rows, [seq for _, seq, _, _ in rows[:limit]]))


def _list_window(actor: Actor, chat_id: str, limit: int, around: int | str | None, key: int) -> Fetched:
    """The messages around one, or those next after the `seq` of a cursor."""
    who = {"chat_id": chat_id, "user_id": actor.user_id}
    if around is None:
        rows = FORWARD_IN_TIME.read(who | {"key": key, "limit": limit + 1})
        window = Window.after(rows, limit)
    else:
        rows = AROUND.read(who | around_values(around, limit))
        window = Window.around(rows, limit)
    if not rows:
        require_member(actor, chat_id)
        if isinstance(around, str):
            raise NotFound("Message not found.")
    found = window.page(lambda direction, seq: encode_cursor((direction, seq)))
    return Fetched(found, _undelivered(rows, [seq for _, seq in window.messages]))


def around_values(around: int | str, limit: int) -> Json:
    """The parameters of `messages_around`, with one message more on each side than the page shows."""
    named = {"id": around, "seq": None} if isinstance(around, str) else {"id": None, "seq": around}
    return named | {"older": limit - limit // 2 + 1, "newer": limit // 2 + 1}


def _undelivered(rows: Sequence[Row], shown: Sequence[int]) -> int | None:
    """The highest `seq` of those that a page shows, if the last column of its rows is lower."""
    newest = max(shown, default=0)
    return newest if rows and newest > rows[0][-1] else None
