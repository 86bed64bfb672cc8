"""Finds messages whose words may match, newest first, in slices of bounded time.

A rare word is looked up in the GIN index of all words: its messages are read, and those of the reader's chats are kept. A
common word would have too many there; the reader's chats are walked backwards in time instead, by an index that has their
messages in order. The estimate of PostgreSQL's statistics decides which of the two reads fewer rows.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2.errors import QueryCanceled
from sqlalchemy import Connection, Row, TextClause, text
from sqlalchemy.exc import DBAPIError

from chatapp.core.clock import now
from chatapp.core.errors import Json
from chatapp.core.ids import first_id_at

# Candidates of a slice: few at first, since most searches for words need no more than they show.
GROWTH_OF_CANDIDATES, MAX_CANDIDATES = 4, 400
# A walk covers as much time at once as it reads in about `SLICE_SECONDS`; a slice is given up after `MAX_SLICE_SECONDS`,
# and is tried again with less.
SLICE_SECONDS, MAX_SLICE_SECONDS = 0.02, 0.1
# A word that takes longer to look up is more common than was estimated: a walk continues.
MAX_LOOK_UP_SECONDS = 0.07
# A statement with less time is not started.
MIN_MILLISECONDS = 5
MAX_GROWTH = 8.0
# The first slice of a walk has so many messages, as far as they are spread evenly over time, and at most so many chats: the
# end of the index of each chat may have to be read from disk.
FIRST_MESSAGES, FIRST_CHATS = 2000, 50
# Reading a row that the index of words names costs as much as that of so many in order.
COST_OF_LOOKUP = 3.0
# An id has the time of the sending worker, a message that of its commit in the database.
CLOCKS_DIFFER = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of the year 3000: random ids have times that a date can't represent.
MAX_MILLISECONDS = 32_503_680_000_000
FIRST_ID, LAST_ID = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"

BOUNDED = "SAVEPOINT slice; SET LOCAL statement_timeout = :timeout;"
# PostgreSQL logs a statement that it cancels: the words of a search are in none of those, but in a setting. The planner uses
# the value of a setting as that of a constant.
_SET_CONDITION = text("SELECT set_config('chat.condition', :condition, true)")
_CONDITION = "CAST(current_setting('chat.condition') AS tsquery)"
_ESTIMATE = text(f"{BOUNDED} EXPLAIN (FORMAT JSON) SELECT FROM message_words WHERE words @@ {_CONDITION}")
_IN_CHATS = "me.user_id = :user_id AND (CAST(:chat_id AS uuid) IS NULL OR me.chat_id = :chat_id)"
_SEARCHED = text(
    f"""
    {BOUNDED}
    SELECT coalesce(sum(c.last_seq), 0)::bigint AS messages, min(c.created_at) AS oldest, max(c.updated_at) AS newest,
           (array_agg(c.updated_at ORDER BY c.updated_at DESC))[{FIRST_CHATS}] AS recent,
           (SELECT reltuples FROM pg_class WHERE oid = 'message_words'::regclass) AS stored
    FROM members me JOIN chats c ON c.id = me.chat_id WHERE {_IN_CHATS}
    """
)
_IN_SCOPE = """(CAST(:from_id AS uuid) IS NULL OR sender_id = :from_id)
        AND message_id >= :low AND message_id < :before"""
# A chat has no message that is younger than its last activity.
_ACTIVE = "JOIN chats c ON c.id = me.chat_id AND c.updated_at >= CAST(:active_since AS timestamptz)"
_LOOK_UP = text(
    f"""
    {BOUNDED} SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = on;
    WITH found AS MATERIALIZED (
        SELECT message_id, chat_id FROM message_words WHERE words @@ {_CONDITION} AND {_IN_SCOPE}
    )
    SELECT message_id::text FROM found WHERE chat_id IN (SELECT me.chat_id FROM members me WHERE {_IN_CHATS})
    ORDER BY message_id DESC LIMIT :limit
    """
)
# The condition is made once, not for each row.
_WALK = text(
    f"""
    {BOUNDED} SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
    SELECT w.message_id::text FROM members me {_ACTIVE} CROSS JOIN LATERAL (
        SELECT message_id FROM message_words WHERE chat_id = me.chat_id AND words @@ (SELECT {_CONDITION}) AND {_IN_SCOPE}
        ORDER BY message_id DESC LIMIT :limit
    ) w WHERE {_IN_CHATS} ORDER BY w.message_id DESC LIMIT :limit
    """
)
_GIVE_UP = text("ROLLBACK TO slice")
_UNBOUND = text("SET LOCAL statement_timeout = DEFAULT")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is searched: the messages whose words fulfil a `tsquery`, of the user's chats or of one of them, from one sender
    or from all, with ids in [`low`, `before`)."""

    user_id: str
    condition: str
    chat_id: str | None
    from_id: str | None
    low: str
    before: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Candidates, newest first. All messages with ids from `position` on have been examined."""

    ids: Sequence[str]
    position: str


def slices(db: Connection, scope: Scope, wanted: int, deadline: float) -> Iterator[Slice]:
    """The candidates in a transaction, until all are examined or until `deadline` (time.monotonic()).

    The last slice has `FIRST_ID` as its position if all are examined.
    """
    db.execute(_SET_CONDITION, {"condition": scope.condition})
    values: Json = {"user_id": scope.user_id, "chat_id": scope.chat_id, "from_id": scope.from_id}
    chats = bounded(db, _SEARCHED, values, deadline)
    plans = bounded(db, _ESTIMATE, values, deadline)
    if chats is None or plans is None:
        return
    (searched,), ((plan,),) = chats, plans
    if not searched.messages:
        yield Slice((), FIRST_ID)
        return
    matches = max(1, plan[0]["Plan"]["Plan Rows"])
    # Nothing is stored as long as PostgreSQL has no statistics.
    walked = min(searched.messages, wanted * searched.stored / matches)
    limit = min(2 * wanted, MAX_CANDIDATES)
    before = scope.before
    if matches * COST_OF_LOOKUP < walked:
        before = yield from _look_up(db, scope, values, limit, deadline)
    if before != FIRST_ID:
        yield from _walk(db, replace(scope, before=before), values, limit, searched, deadline)


def _look_up(db: Connection, scope: Scope, values: Json, limit: int, deadline: float) -> Generator[Slice, None, str]:
    """The candidates that the index of words names; returns the position down to which it was in time."""
    before = scope.before
    while before != FIRST_ID:
        bounds = {"low": scope.low, "before": before, "limit": limit}
        ids = _read(db, _LOOK_UP, values | bounds, min(deadline, time.monotonic() + MAX_LOOK_UP_SECONDS))
        if ids is None:
            break
        before = ids[-1] if len(ids) == limit else FIRST_ID
        yield Slice(ids, before)
        limit = min(GROWTH_OF_CANDIDATES * limit, MAX_CANDIDATES)
    return before


def _walk(
    db: Connection, scope: Scope, values: Json, limit: int, searched: Row[Any], deadline: float
) -> Iterator[Slice]:
    before, latest = scope.before, now()
    end = min(_time_of(before), latest)
    span = (searched.newest - searched.oldest) * (FIRST_MESSAGES / searched.messages)
    if searched.recent and searched.recent + CLOCKS_DIFFER < end:
        span = min(span, end - CLOCKS_DIFFER - searched.recent)
    # Before that there is nothing to be expected.
    oldest = max(searched.oldest, EPOCH + CLOCKS_DIFFER) - CLOCKS_DIFFER
    while True:
        span = max(span, timedelta(seconds=1))
        begin = end - span if span < end - oldest else EPOCH
        low = max(scope.low, first_id_at(begin)) if begin > EPOCH else scope.low
        began = time.monotonic()
        bounds = {"low": low, "before": before, "limit": limit}
        bounds |= {
            "active_since": max(begin, EPOCH + CLOCKS_DIFFER) - CLOCKS_DIFFER,
            "created_until": end + CLOCKS_DIFFER,
        }
        ids = _read(db, _WALK, values | bounds, min(deadline, began + MAX_SLICE_SECONDS))
        if ids is None:
            if time.monotonic() >= deadline:
                return
            span /= 2 * MAX_GROWTH
            continue
        before = ids[-1] if len(ids) == limit else FIRST_ID if low == scope.low else low
        yield Slice(ids, before)
        if before == FIRST_ID:
            return
        end = min(_time_of(before), latest)
        limit = min(GROWTH_OF_CANDIDATES * limit, MAX_CANDIDATES)
        span *= min(MAX_GROWTH, max(1 / MAX_GROWTH, SLICE_SECONDS / (time.monotonic() - began)))


def _read(db: Connection, statement: TextClause, values: Json, deadline: float) -> list[str] | None:
    """The ids that a statement finds; None if it does not end before `deadline`."""
    rows = bounded(db, statement, values, deadline)
    return rows if rows is None else [id for (id,) in rows]


def bounded(db: Connection, statement: TextClause, values: Json, deadline: float) -> Sequence[Row[Any]] | None:
    """The rows of a statement that begins with `BOUNDED`; None if it does not end before `deadline` (time.monotonic())."""
    milliseconds = int((deadline - time.monotonic()) * 1000)
    if milliseconds < MIN_MILLISECONDS:
        return None
    return _unless_cancelled(db, statement, values | {"timeout": milliseconds})


def unbound(db: Connection) -> None:
    """Give the following statements as much time as others; after the last call of `bounded`, whose time applies to them
    until then."""
    if _unless_cancelled(db, _UNBOUND, {}) is None:
        db.execute(_UNBOUND)


def _unless_cancelled(db: Connection, statement: TextClause, values: Json) -> Sequence[Row[Any]] | None:
    """The rows of a statement; None if its time is over before it ends."""
    try:
        result = db.execute(statement, values)
        return result.all() if result.returns_rows else []
    except DBAPIError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        db.execute(_GIVE_UP)
        return None


def _time_of(id: str) -> datetime:
    """The time of a UUIDv7, to the millisecond."""
    return EPOCH + timedelta(milliseconds=min(int(id[:8] + id[9:13], 16), MAX_MILLISECONDS))
