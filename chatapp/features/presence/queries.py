"""Queries of live workers."""

from typing import NamedTuple

from sqlalchemy import text

from chatapp.core.db import reading

# A replaced worker may live for some seconds beside its successor.
OVERLAP_SECONDS = 10
# Leases are renewed every 4 s.
FRESH_SECONDS = 9

_OVERLAPPING = text(
    """
    SELECT o.id::text, o.host, o.pid, o.redis FROM workers o JOIN workers me ON me.id = :worker_id AND o.id <> me.id
    WHERE o.expires_at > now() AND o.seen_at > now() - make_interval(secs => :fresh)
    AND o.seen_at > greatest(o.started_at, me.started_at) + make_interval(secs => :seconds)
    """
)
_CONNECTED = text(
    """
    SELECT EXISTS (
        SELECT FROM workers WHERE id <> :worker_id AND redis
        AND expires_at > now() AND seen_at > now() - make_interval(secs => :fresh)
    )
    """
)
_SPLIT = text("SELECT id::text, host, pid, redis FROM workers WHERE split AND expires_at > now() ORDER BY host, pid")
_LIVE = text("SELECT count(*) FROM workers WHERE expires_at > now()")


class WorkerRow(NamedTuple):
    """A live worker. `redis` is None if it was started without Redis, False if it has lost it."""

    id: str
    host: str
    pid: int
    redis: bool | None


def overlapping_workers(worker_id: str) -> list[WorkerRow]:
    """The other workers that have been alive together with this one for longer than a restart takes."""
    with reading() as db:
        rows = db.execute(_OVERLAPPING, {"worker_id": worker_id, "seconds": OVERLAP_SECONDS, "fresh": FRESH_SECONDS})
        return [WorkerRow(*row) for row in rows]


def split_workers() -> list[WorkerRow]:
    """The live workers that miss the events of others."""
    with reading() as db:
        return [WorkerRow(*row) for row in db.execute(_SPLIT)]


def count_live_workers() -> int:
    """The number of workers that use this database, on all machines."""
    with reading() as db:
        return int(db.execute(_LIVE).scalar_one())


def others_have_redis(worker_id: str) -> bool:
    """True if another live worker is connected to Redis."""
    with reading() as db:
        return bool(db.execute(_CONNECTED, {"worker_id": worker_id, "fresh": FRESH_SECONDS}).scalar())
