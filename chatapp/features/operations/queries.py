"""Queries of the server's state and of jobs."""

import time

from orjson import Fragment
from sqlalchemy import text

from chatapp.core.clock import now, wire_time
from chatapp.core.db import reading
from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor, Principal
from chatapp.core.pagination import Listing, Page
from chatapp.core.permissions import require
from chatapp.core.version import __version__
from chatapp.features.admin.permissions import PERMISSIONS, Server, ServerPermission
from chatapp.features.operations.schemas import ServerState
from chatapp.models.user import SYSTEM_ID
from chatapp.representations.job import JOB_TEXT, STATUS, TYPE, Job, find_job

# Above this many rows, what PostgreSQL estimates is shown instead of a count.
MAX_COUNTED = 50_000
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_JOBS = text(
    f"""
    SELECT {JOB_TEXT}, j.id::text FROM jobs j
    WHERE j.id < CAST(:before AS uuid) AND (CAST(:status AS text) IS NULL OR {STATUS} = :status)
    AND (CAST(:type AS text) IS NULL OR {TYPE} = :type)
    ORDER BY j.id DESC LIMIT :limit
    """
)
_WORKERS = text(
    """
    SELECT w.id::text, wire_time(w.started_at), coalesce(sum(p.sockets), 0), w.redis IS FALSE OR w.split
    FROM workers w LEFT JOIN presence p ON p.worker_id = w.id WHERE w.expires_at > now()
    GROUP BY w.id ORDER BY w.started_at, w.id
    """
)
_COUNTS = text(
    f"""
    SELECT {STATUS} AS status, count(*) AS number FROM jobs j
    WHERE NOT (j.is_scheduled AND j.status = 'queued' AND j.attempts = 0 AND j.finished_at IS NULL AND j.next_at > now())
    GROUP BY 1
    """
)
_ROWS = text(
    """
    SELECT (SELECT count(*) FROM (SELECT FROM users WHERE id <> :system AND deleted_at IS NULL LIMIT :limit) counted),
           (SELECT count(*) FROM (SELECT FROM chats LIMIT :limit) counted),
           (SELECT count(*) FROM (SELECT FROM messages LIMIT :limit) counted)
    """
)
_ESTIMATES = text(
    """
    SELECT CAST(c.reltuples AS bigint) FROM unnest(ARRAY['users', 'chats', 'messages']) WITH ORDINALITY t (name, place)
    JOIN pg_class c ON c.oid = to_regclass(t.name) ORDER BY t.place
    """
)


def server_state(actor: Actor) -> ServerState:
    """The state of the server; raises Forbidden."""
    require(PERMISSIONS, ServerPermission.READ_STATE, actor, Server())
    return read_state()


def read_state() -> ServerState:
    """The state of the server, for its operator."""
    with reading() as db:
        began = time.perf_counter()
        db.execute(text("SELECT 1"))
        latency = (time.perf_counter() - began) * 1000
        workers = db.execute(_WORKERS).all()
        jobs = {row.status: row.number for row in db.execute(_COUNTS)}
        counted = db.execute(_ROWS, {"system": SYSTEM_ID, "limit": MAX_COUNTED}).one()
        estimates = db.execute(_ESTIMATES).scalars().all()
    users, chats, messages = (
        max(count, estimate) if count == MAX_COUNTED else count
        for count, estimate in zip(counted, estimates, strict=True)
    )
    return {
        "version": __version__,
        "startedAt": workers[0][1] if workers else wire_time(now()),
        "workers": [{"id": id, "sockets": int(sockets), "startedAt": started} for id, started, sockets, _ in workers],
        "database": {"ok": True, "latencyMs": round(latency, 2)},
        "queue": {"ok": not any(misses_events for *_, misses_events in workers)},
        "users": users,
        "chats": chats,
        "messages": messages,
        "jobs": {
            "queued": jobs.get("queued", 0),
            "running": jobs.get("running", 0),
            "failed": jobs.get("failed", 0),
        },
    }


def list_jobs(actor: Actor, *, status: str | None, type: str | None, limit: int, cursor: str | None) -> Page:
    """Jobs that match both filters, newest first; raises Forbidden."""
    require(PERMISSIONS, ServerPermission.READ_STATE, actor, Server())
    listing = Listing("jobs", status, type)
    (before,) = listing.start(cursor) or (_LAST_ID,)
    values = {"status": status, "type": type, "before": before, "limit": limit + 1}
    with reading() as db:
        return listing.page([(Fragment(job), [id]) for job, id in db.execute(_JOBS, values)], limit)


def job(principal: Principal, job_id: str) -> Job:
    """A job, for the key that created it or a user with the role ADMIN; raises NotFound."""
    with reading() as db:
        found = find_job(db, job_id)
    if found is None or (principal.type == "key" and found[1] != principal.id):
        raise NotFound("Job not found.")
    return found[0]
