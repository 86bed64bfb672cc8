"""The outbox delivers committed events to `once` subscribers: at least once, and in order within each chat.

A row is written for each interested subscriber in the transaction of the change, and deleted after the subscriber has
processed it. One worker at a time reads the rows of a subscriber, by a lease that another worker takes over after the
first one was killed. A failing subscriber is retried and delays only itself.

There is no position: a reader takes the rows that it sees, in the order of `id`. If it sees a row of a chat, it sees the
earlier rows of that chat, since each was committed before the chat's lock was released. A transaction that took a lower
`id` and commits later is read then.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import gevent
import orjson
import structlog
from gevent.event import Event as Signal
from sqlalchemy import Connection, TextClause, text

from chatapp.core import db, metrics
from chatapp.core.application import PerApplication
from chatapp.core.errors import Json
from chatapp.core.events import Announced
from chatapp.core.ids import new_id
from chatapp.core.leases import LEASE_SECONDS, renewed

log = structlog.get_logger()

# Rows handed to a subscriber at once; how long a reader waits for more of them after a commit, how often it looks for rows
# without one, and the longest pause between two attempts, in seconds. Another worker takes over after `LEASE_SECONDS` and
# `POLL_SECONDS`.
MAX_ROWS = 200
GATHER_SECONDS = 0.05
POLL_SECONDS = 5.0
MAX_BACKOFF_SECONDS = 60
MAX_COUNTED = 100_000

_RECORD = text(
    """
    INSERT INTO outbox (subscriber, type, chat_id, rev, subject, data)
    VALUES (:subscriber, :type, :chat_id, :rev, :subject, CAST(:data AS jsonb))
    """
)
_HAS_ROWS = text("SELECT EXISTS (SELECT FROM outbox WHERE subscriber = :subscriber)")
_TAKE = text(
    """
    INSERT INTO outbox_readers AS r (subscriber, worker_id, lease_until)
    VALUES (:subscriber, :worker_id, now() + :seconds * interval '1 second')
    ON CONFLICT (subscriber) DO UPDATE SET worker_id = excluded.worker_id, lease_until = excluded.lease_until
    WHERE (r.worker_id = excluded.worker_id OR r.lease_until < now()) AND r.next_at <= now()
    RETURNING failures
    """
)
_RENEW = text(
    """
    UPDATE outbox_readers SET lease_until = now() + :seconds * interval '1 second'
    WHERE subscriber = :subscriber AND worker_id = :worker_id AND lease_until > now()
    """
)
# A reader that has lost its lease without noticing reads nothing more.
_READ = text(
    """
    SELECT id, type, chat_id::text, rev, subject::text, data, created_at FROM outbox
    WHERE subscriber = :subscriber AND EXISTS (
        SELECT FROM outbox_readers WHERE subscriber = :subscriber AND worker_id = :worker_id AND lease_until > now()
    ) ORDER BY id LIMIT :limit
    """
)
_DELETE = text("DELETE FROM outbox WHERE subscriber = :subscriber AND id = ANY(:ids)")
_RELEASE = text(
    """
    UPDATE outbox_readers SET lease_until = now(), failures = 0, error = NULL
    WHERE subscriber = :subscriber AND worker_id = :worker_id
    """
)
_FAIL = text(
    """
    UPDATE outbox_readers SET lease_until = now(), failures = failures + 1, error = :error,
        next_at = now() + least(power(2, least(failures, 20)), :longest) * interval '1 second'
    WHERE subscriber = :subscriber AND worker_id = :worker_id
    """
)
# Counts are bounded: a long backlog is not read for its length.
_STATE = text(
    """
    SELECT s.subscriber, (SELECT count(*) FROM (
               SELECT FROM outbox o WHERE o.subscriber = s.subscriber LIMIT :limit) counted) AS rows,
           coalesce(extract(epoch FROM now() - (
               SELECT created_at FROM outbox o WHERE o.subscriber = s.subscriber ORDER BY id LIMIT 1)), 0)::float AS age,
           s.failures, s.error
    FROM outbox_readers s ORDER BY s.subscriber
    """
)


class OutboxEvent(NamedTuple):
    """An event as a `once` subscriber receives it. The same `id` may arrive again after a failure or a kill.

    `type` is the class of the event, `subject` the id of the message, user or session that it is about. What the event
    changed is read from the tables.
    """

    id: int
    type: str
    chat_id: str | None
    rev: int | None
    subject: str | None
    data: Json | None
    created_at: datetime


@dataclass(frozen=True)
class OnceSubscriber:
    """A subscriber that processes each event of these types at least once, in order within each chat.

    `process` receives the next events; if it raises, it receives them again. Nothing is written while `interested()`,
    a cheap check in memory, returns False. It runs in every process that changes data, commands too.
    """

    name: str
    events: frozenset[type[Announced]]
    process: Callable[[Sequence[OutboxEvent]], None]
    interested: Callable[[], bool] = lambda: True


class SubscriberState(NamedTuple):
    """How far behind a subscriber is: events that wait (at most `MAX_COUNTED`), the oldest one's age in seconds, and
    the failures since the last success."""

    subscriber: str
    rows: int
    age: float
    failures: int
    error: str | None


class Reader:
    """Reads the rows of one subscriber on this worker, as long as it has the lease."""

    def __init__(self, subscriber: OnceSubscriber) -> None:
        self.subscriber = subscriber
        self._woken = Signal()
        self._names: Json = {"subscriber": subscriber.name, "worker_id": new_id()}

    def wake(self) -> None:
        """Read without waiting for the next poll: rows were committed."""
        self._woken.set()

    def run(self) -> None:
        """Wait for rows, and process them (a background task)."""
        if self._woken.wait(POLL_SECONDS):
            gevent.sleep(GATHER_SECONDS)
        self._woken.clear()
        if not self._execute(_HAS_ROWS) or (failures := self._execute(_TAKE, seconds=LEASE_SECONDS)) is None:
            return
        with renewed(lambda: self._execute(_RENEW, seconds=LEASE_SECONDS)):
            self._process_all(has_failed=failures > 0)
        # Rows that another worker committed before the release, when it could not take the lease.
        if self._execute(_HAS_ROWS):
            self.wake()

    def _process_all(self, *, has_failed: bool) -> None:
        # One at a time after a failure, so that those before the failing one pass.
        limit = 1 if has_failed else MAX_ROWS
        while events := self._read(limit):
            try:
                self.subscriber.process(events)
            except (Exception, gevent.Timeout) as error:
                metrics.outbox_failures.inc(self.subscriber.name)
                log.warning("outbox_subscriber_failed", subscriber=self.subscriber.name, exc_info=True)
                self._execute(_FAIL, error=type(error).__name__, longest=MAX_BACKOFF_SECONDS)
                return
            self._execute(_DELETE, ids=[event.id for event in events])
            if len(events) < limit:
                break
            limit = MAX_ROWS
        self._execute(_RELEASE)

    def _read(self, limit: int) -> list[OutboxEvent]:
        with db.reading() as connection:
            return [OutboxEvent(*row) for row in connection.execute(_READ, self._names | {"limit": limit})]

    def _execute(self, statement: TextClause, **values: object) -> int | None:
        """Execute a statement on its own; returns its value, if it returns one."""
        with db.reading() as connection:
            result = connection.execute(statement, self._names | values)
            return result.scalar() if result.returns_rows else None


_readers = PerApplication[Sequence[Reader]](tuple)


def subscribe(subscribers: Iterable[OnceSubscriber]) -> list[tuple[float, Callable[[], None]]]:
    """Set the `once` subscribers of this process; returns the background tasks of a worker, and the pauses between."""
    readers = [Reader(subscriber) for subscriber in subscribers]
    _readers.set(readers)
    for reader in readers:
        if wrong := [event.__name__ for event in reader.subscriber.events if not event.recordable]:
            raise ValueError(f"The outbox can't record {', '.join(wrong)}.")
    return [(0.0, reader.run) for reader in readers] + [(POLL_SECONDS, measure) for _ in readers[:1]]


def interested(event: type[Announced]) -> list[str]:
    """The names of the subscribers for which an event of this type is recorded now."""
    return [
        reader.subscriber.name
        for reader in _readers.get()
        if event in reader.subscriber.events and reader.subscriber.interested()
    ]


def record(connection: Connection, events: Iterable[Announced]) -> None:
    """Record events in their transaction, for the subscribers that are interested."""
    if not _readers.get():
        return
    for event in events:
        for subscriber in interested(type(event)):
            subject, data = event.outbox_fields()
            values = {
                "subscriber": subscriber,
                "type": type(event).__name__,
                "chat_id": getattr(event, "chat_id", None),
                "rev": getattr(event, "rev", None),
                "subject": subject,
                "data": orjson.dumps(data).decode() if data else None,
            }
            connection.execute(_RECORD, values)


def committed(events: Iterable[Announced]) -> None:
    """Wake the readers of the subscribers of these events, after the commit."""
    if readers := _readers.get():
        types = {type(event) for event in events}
        for reader in readers:
            if types & reader.subscriber.events:
                reader.wake()


def states() -> list[SubscriberState]:
    """The state of each subscriber that has ever had rows."""
    with db.reading() as connection:
        return [SubscriberState(*row) for row in connection.execute(_STATE, {"limit": MAX_COUNTED})]


def measure() -> None:
    """Note the length and age of the backlog for the metrics (a background task)."""
    found = states()
    rows, age = sum(state.rows for state in found), max((state.age for state in found), default=0.0)
    metrics.outbox_rows.set_function(lambda: rows)
    metrics.outbox_age.set_function(lambda: age)
