"""Counts open sockets in leases that end with the worker that holds them.

A row in `workers` says until when a worker is alive; `presence` has its number of sockets per session of a user. A user
with a row of a live worker is online: the rows of a user without sockets stay until `leave`, in case they are back in a
moment.
"""

import os
import socket
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chatapp.core.errors import RateLimited
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.presence.events import UserOffline, UserOnline
from chatapp.models.presence import NO_SESSION
from chatapp.representations.privacy import HIDES_PRESENCE

LEASE_SECONDS = 12
RETRY_SECONDS = 60
# Locks of users that `leave` takes at a time: PostgreSQL has room for some thousands.
MAX_LOCKS = 256

_RENEW = text(
    """
    INSERT INTO workers (id, expires_at, host, pid, redis)
    VALUES (:worker_id, now() + make_interval(secs => :seconds), :host, :pid, :redis)
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, seen_at = now(), redis = excluded.redis
    RETURNING xmax = 0 AS is_new
    """
)
_NOTE_SPLIT = text("UPDATE workers SET split = :split WHERE id = :worker_id AND split <> :split")
_FORGET_WORKER = text("DELETE FROM presence WHERE worker_id = :worker_id")
_HOLD_ALL = text(
    """
    INSERT INTO presence (user_id, worker_id, session_id, sockets)
    SELECT u, :worker_id, s, n
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:session_ids AS uuid[]), CAST(:counts AS integer[])) c (u, s, n)
    """
)
# Locks are taken in one order, to avoid deadlocks between workers.
_TAKE_TURNS = text(
    """
    SELECT pg_advisory_xact_lock(turn) FROM (
        SELECT DISTINCT hashtextextended(u::text, 1) AS turn FROM unnest(CAST(:user_ids AS uuid[])) u ORDER BY turn
    ) t
    """
)
# The sockets of users on all live workers.
_SOCKETS = text(
    """
    SELECT p.user_id::text, sum(p.sockets)
    FROM presence p JOIN workers w ON w.id = p.worker_id AND w.expires_at > now()
    WHERE p.user_id = ANY(CAST(:user_ids AS uuid[])) GROUP BY p.user_id
    """
)
_CONNECT = text(
    """
    INSERT INTO presence (user_id, worker_id, session_id, sockets)
    SELECT u, :worker_id, s, count(*)
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:session_ids AS uuid[])) c (u, s) GROUP BY u, s
    ON CONFLICT (user_id, worker_id, session_id) DO UPDATE SET sockets = presence.sockets + excluded.sockets
    """
)
_DISCONNECT = text(
    """
    UPDATE presence p SET sockets = p.sockets - gone.sockets
    FROM (
        SELECT u, s, count(*) AS sockets
        FROM unnest(CAST(:user_ids AS uuid[]), CAST(:session_ids AS uuid[])) c (u, s) GROUP BY u, s
    ) gone
    WHERE p.user_id = gone.u AND p.worker_id = :worker_id AND p.session_id = gone.s
    """
)
_GONE = text(
    "DELETE FROM presence WHERE user_id = ANY(CAST(:user_ids AS uuid[])) AND worker_id = :worker_id AND sockets < 1"
)
_REAP = text(
    """
    WITH dead AS (DELETE FROM workers WHERE expires_at < now() - make_interval(secs => :seconds) RETURNING id)
    SELECT DISTINCT p.user_id::text FROM presence p JOIN dead ON dead.id = p.worker_id
    """
)
# Without the chats of users who hide their presence: no user sees it.
_LEAVE_OFF = text(
    f"""
    UPDATE users u SET last_seen = greatest(u.last_seen, now() - make_interval(secs => gone.seconds))
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:seconds AS float8[])) gone (user_id, seconds)
    WHERE u.id = gone.user_id AND NOT EXISTS (
        SELECT FROM presence p JOIN workers w ON w.id = p.worker_id AND w.expires_at > now() WHERE p.user_id = u.id
    )
    RETURNING u.id::text, wire_time(u.last_seen), ARRAY(
        SELECT chat_id::text FROM members WHERE user_id = u.id AND NOT {HIDES_PRESENCE}
    )
    """
)
_CHATS = text(
    f"""
    SELECT u.id::text, ARRAY(SELECT chat_id::text FROM members WHERE user_id = u.id)
    FROM users u WHERE u.id = ANY(CAST(:user_ids AS uuid[])) AND NOT {HIDES_PRESENCE}
    """
)

# A user and their session. Sockets without a session count for the user alone.
Holder = tuple[str, str]


class LeaseLost(Exception):
    """The worker has no lease: the database has crashed and lost all leases."""


def renew_lease(
    worker_id: str, sockets: Mapping[Holder, int], *, recount: bool, redis_connected: bool | None = None
) -> bool:
    """Keep a worker alive for another `LEASE_SECONDS`; returns whether the lease is new.

    `sockets` is the number of sockets per session; it is written with a new lease, or when `recount` says that the stored
    counts may be wrong. `redis_connected` is None for a worker without Redis.
    """
    lease = {"worker_id": worker_id, "seconds": LEASE_SECONDS, "redis": redis_connected}
    lease |= {"host": socket.gethostname(), "pid": os.getpid()}
    with unit_of_work() as work:
        is_new = work.db.execute(_RENEW, lease).scalar_one()
        if is_new or recount:
            work.db.execute(_FORGET_WORKER, {"worker_id": worker_id})
            held = _arrays(list(sockets)) | {"counts": list(sockets.values())}
            work.db.execute(_HOLD_ALL, held | {"worker_id": worker_id})
        return bool(is_new)


def note_split(worker_id: str, split: bool) -> None:
    """Record whether a worker misses the events of others, for `chat check`."""
    with unit_of_work(single=True) as work:
        work.db.execute(_NOTE_SPLIT, {"worker_id": worker_id, "split": split})


def connect(worker_id: str, holders: Sequence[Holder], *, limit: int) -> list[bool | Exception]:
    """Count new sockets of users: for each whether the user was offline before, or RateLimited when they have `limit`
    sockets already. Raises LeaseLost."""
    try:
        return _count_in(worker_id, holders, limit)
    except IntegrityError as error:
        raise LeaseLost from error


def _count_in(worker_id: str, holders: Sequence[Holder], limit: int) -> list[bool | Exception]:
    results: list[bool | Exception] = []
    with unit_of_work() as work:
        users = {"user_ids": [user_id for user_id, _ in holders]}
        work.db.execute(_TAKE_TURNS, users)
        sockets = {user_id: int(count) for user_id, count in work.db.execute(_SOCKETS, users)}
        admitted = []
        for user_id, session_id in holders:
            before = sockets.get(user_id)
            if before is not None and before >= limit:
                results.append(RateLimited(RETRY_SECONDS, limit))
                continue
            sockets[user_id] = (before or 0) + 1
            admitted.append((user_id, session_id))
            results.append(before is None)
        if admitted:
            work.db.execute(_CONNECT, _arrays(admitted) | {"worker_id": worker_id})
    return results


def disconnect(worker_id: str, holders: Sequence[Holder]) -> None:
    """Count closed sockets, one for each time that a session is listed; users without any stay online until `leave`."""
    with unit_of_work(single=True) as work:
        work.db.execute(_DISCONNECT, _arrays(holders) | {"worker_id": worker_id})


def _arrays(holders: Sequence[Holder]) -> dict[str, Any]:
    """The parameters for sockets of these sessions."""
    return {
        "user_ids": [user_id for user_id, _ in holders],
        "session_ids": [session_id or NO_SESSION for _, session_id in holders],
    }


def leave(worker_id: str, user_ids: Collection[str]) -> None:
    """Take users without an open socket on this worker offline, as far as it is concerned."""
    listed = list(user_ids)
    for start in range(0, len(listed), MAX_LOCKS):
        portion = listed[start : start + MAX_LOCKS]
        with unit_of_work() as work:
            # A concurrent `connect` on another worker either finds the user offline, or is seen by `announce_offline`.
            work.db.execute(_TAKE_TURNS, {"user_ids": portion})
            work.db.execute(_GONE, {"user_ids": portion, "worker_id": worker_id})


def reap(*, dead_for: int = 0) -> list[str]:
    """Remove the leases of workers that have been dead for `dead_for` seconds; returns the users of their sockets."""
    with unit_of_work() as work:
        return list(work.db.scalars(_REAP, {"seconds": dead_for}))


def announce_online(user_ids: Collection[str]) -> None:
    """Announce these users as online, except those who hide it."""
    with unit_of_work() as work:
        for user_id, chat_ids in work.db.execute(_CHATS, {"user_ids": list(user_ids)}):
            work.announce(UserOnline(user_id, chat_ids))


def announce_offline(left: Mapping[str, float]) -> None:
    """Announce those of these users who are offline, and record their `last_seen`; `left` has how many seconds ago each
    of them went offline."""
    user_ids = sorted(left)
    gone = {"user_ids": user_ids, "seconds": [left[user_id] for user_id in user_ids]}
    with unit_of_work() as work:
        for user_id, last_seen, chat_ids in work.db.execute(_LEAVE_OFF, gone):
            if chat_ids:
                work.announce(UserOffline(user_id, last_seen, chat_ids))
