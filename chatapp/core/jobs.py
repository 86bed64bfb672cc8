"""Jobs: work that runs in the background, on one worker at a time, and continues in another one after a kill.

An action enqueues a job in its transaction; a scheduled job runs once per due time, on one of all workers. A job that
raises an exception is repeated later. It can be interrupted and repeated at any point, so running it twice must do no
harm.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, NamedTuple

import gevent
import orjson
import structlog
from sqlalchemy import Connection, Row, TextClause, text

from chatapp.core import db, metrics
from chatapp.core.application import PerApplication, spawn
from chatapp.core.errors import Json, Unavailable
from chatapp.core.ids import new_id
from chatapp.core.leases import LEASE_SECONDS, renewed

log = structlog.get_logger()

# How often workers look for due jobs, in seconds: after a kill another one continues after `LEASE_SECONDS` more.
POLL_SECONDS = 1.0
# How many jobs one worker runs at a time.
MAX_AT_ONCE = 3
MAX_BACKOFF_SECONDS = 3600
DAY = 86_400
KEEP_DAYS = 30

# The next multiple of `every` seconds after 00:00 UTC, and `offset`.
_DUE = "to_timestamp((floor((extract(epoch FROM now()) - :offset) / :every) + 1) * :every + :offset)"
_ENQUEUE = text(
    """
    INSERT INTO jobs (id, type, args, created_by, subject)
    VALUES (:id, :type, CAST(:args AS jsonb), CAST(:created_by AS uuid), CAST(:subject AS uuid))
    ON CONFLICT (subject, type) WHERE subject IS NOT NULL AND status IN ('queued', 'running') DO NOTHING
    RETURNING id::text
    """
)
_OPEN = text(
    """
    SELECT id::text FROM jobs
    WHERE type = :type AND subject = CAST(:subject AS uuid) AND status IN ('queued', 'running')
    """
)
# A shorter interval than before takes effect at once.
_SCHEDULE = text(
    f"""
    INSERT INTO jobs (id, type, is_scheduled, next_at) VALUES (:id, :type, true, {_DUE})
    ON CONFLICT (type) WHERE is_scheduled DO UPDATE SET next_at = excluded.next_at
    WHERE jobs.status = 'queued' AND jobs.next_at > excluded.next_at
    """
)
_TAKE = text(
    """
    UPDATE jobs j SET status = 'running', attempts = j.attempts + 1, lease_id = :lease_id,
        lease_until = now() + :seconds * interval '1 second'
    FROM (
        SELECT id FROM jobs
        WHERE status IN ('queued', 'running') AND next_at <= now() AND (status = 'queued' OR lease_until < now())
        AND type = ANY(:types) ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) due WHERE j.id = due.id RETURNING j.id::text, j.type, j.args, j.attempts, j.done
    """
)
_OWN = "WHERE id = :id AND lease_id = :lease_id AND status = 'running'"
_RENEW = text(f"UPDATE jobs SET lease_until = now() + :seconds * interval '1 second' {_OWN}")
_PROGRESS = text(f"UPDATE jobs SET done = :done, total = :total {_OWN} RETURNING id")
_END = text(
    f"""
    UPDATE jobs SET status = :status, result = CAST(:result AS jsonb), error = :error, finished_at = now(),
        lease_until = NULL {_OWN}
    """
)
_END_SCHEDULED = text(
    f"""
    UPDATE jobs SET status = 'queued', result = CAST(:result AS jsonb), error = :error, finished_at = now(),
        lease_until = NULL, attempts = 0, done = 0, total = NULL, next_at = {_DUE} {_OWN}
    """
)
_RETRY = text(
    f"""
    UPDATE jobs SET status = 'queued', error = :error, lease_until = NULL,
        next_at = now() + least(power(2, attempts), :longest) * interval '1 second' {_OWN}
    """
)
_PRUNE = text("DELETE FROM jobs WHERE finished_at < now() - :days * interval '1 day' AND NOT is_scheduled")
_TROUBLED = text(
    """
    SELECT type, status, error, attempts FROM jobs
    WHERE error IS NOT NULL AND (status <> 'failed' OR finished_at > now() - interval '1 day') ORDER BY type, id LIMIT 20
    """
)


# Called with the number of what was removed.
Report = Callable[[int], None]


class Interrupted(Exception):
    """Another worker runs the job now: this one was suspended for longer than its lease."""


class Schedule(NamedTuple):
    """Due every `every` seconds, counted from 00:00 UTC, and `offset` seconds later."""

    every: float
    offset: float = 0.0


def daily(at: time) -> Schedule:
    """Due every day at this time (UTC)."""
    return Schedule(DAY, at.hour * 3600 + at.minute * 60 + at.second)


@dataclass(frozen=True)
class JobType:
    """What a job of this type does: `run` returns its result, which is stored.

    It fails for good after `max_attempts`; a scheduled one is then due at its next time.
    """

    name: str
    run: Callable[["Job"], Json | None]
    schedule: Schedule | None = None
    max_attempts: int = 10


class Job:
    """An attempt of a job. `done` is the progress of an earlier attempt, to continue there."""

    def __init__(self, kind: JobType, lease_id: str, row: Row[Any]) -> None:
        self.kind = kind
        self.id: str = row.id
        self.args: Json = row.args or {}
        self.attempts: int = row.attempts
        self.done: int = row.done
        self._own = {"id": self.id, "lease_id": lease_id}

    def progress(self, done: int, total: int | None = None) -> None:
        """Store how much is done; raises Interrupted when another worker runs the job."""
        with db.reading() as connection:
            values = self._own | {"done": done, "total": total}
            if connection.execute(_PROGRESS, values).scalar() is None:
                raise Interrupted
        self.done = done

    def attempt(self) -> None:
        """Run the job and store the outcome."""
        try:
            if self.attempts > self.kind.max_attempts:
                raise Interrupted("Its workers were killed.")
            with renewed(lambda: self._store(_RENEW, seconds=LEASE_SECONDS)):
                result = self.kind.run(self)
        except (Exception, gevent.Timeout) as error:
            metrics.job_failures.inc(self.kind.name)
            log.warning("job_failed", job=self.id, type=self.kind.name, attempts=self.attempts, exc_info=True)
            if self.attempts >= self.kind.max_attempts:
                self._end("failed", error=type(error).__name__)
            else:
                self._store(_RETRY, error=type(error).__name__, longest=MAX_BACKOFF_SECONDS)
        else:
            self._end("done", result=orjson.dumps(result).decode() if result is not None else None)

    def _end(self, status: str, *, result: str | None = None, error: str | None = None) -> None:
        if schedule := self.kind.schedule:
            self._store(_END_SCHEDULED, result=result, error=error, every=schedule.every, offset=schedule.offset)
        else:
            self._store(_END, status=status, result=result, error=error)

    def _store(self, statement: TextClause, **values: object) -> None:
        with db.reading() as connection:
            connection.execute(statement, self._own | values)


def cleanup(name: str, work: Callable[[Report], None], schedule: Schedule) -> JobType:
    """A scheduled job that deletes what is no longer needed; `work` reports each portion, and the result is their sum."""

    def run(job: Job) -> Json:
        removed = 0

        def report(number: int) -> None:
            nonlocal removed
            removed += number
            job.progress(removed)

        work(report)
        return {"removed": removed}

    return JobType(name, run, schedule)


class TroubledJob(NamedTuple):
    """A job whose last attempt failed."""

    type: str
    status: str
    error: str
    attempts: int


class _Runner:
    """The types of jobs that an application can run, and the running jobs."""

    def __init__(self) -> None:
        self.types: Mapping[str, JobType] = {}
        self.are_scheduled = False
        self.running: set[gevent.Greenlet] = set()


_runner = PerApplication(_Runner)


def register(types: Iterable[JobType]) -> None:
    """Set the types of jobs that this process can run."""
    runner = _runner.get()
    runner.types, runner.are_scheduled = {kind.name: kind for kind in types}, False


def enqueue(
    connection: Connection,
    name: str,
    args: Json | None = None,
    *,
    created_by: str | None = None,
    subject: str | None = None,
) -> str:
    """Enqueue a job in a transaction, so that it exists if and only if that is committed; returns its id.

    `created_by` is the id of the key or user that may read it. A `subject` has at most one open job of a type: if it has
    one, the id is that of the open job, and nothing is enqueued.
    """
    values = {"id": new_id(), "type": name, "args": orjson.dumps(args).decode() if args else None}
    values |= {"created_by": created_by, "subject": subject}
    while True:
        if id := connection.execute(_ENQUEUE, values).scalar():
            return str(id)
        # Otherwise the open job finished between the two statements.
        if subject and (open_id := find_open(connection, name, subject)):
            return open_id


def find_open(connection: Connection, name: str, subject: str) -> str | None:
    """The id of the queued or running job of this type about `subject`, if there is one."""
    return connection.execute(_OPEN, {"type": name, "subject": subject}).scalar()


def run_due() -> None:
    """Start the jobs that are due (a background task)."""
    runner = _runner.get()
    if not runner.are_scheduled:
        _schedule(runner.types)
        runner.are_scheduled = True
    while len(runner.running) < MAX_AT_ONCE and (job := _take(runner.types)):
        greenlet = spawn(_attempt, job)
        runner.running.add(greenlet)
        greenlet.rawlink(runner.running.discard)


def prune() -> int:
    """Delete jobs that finished `KEEP_DAYS` ago; returns their number."""
    with db.reading() as connection:
        return connection.execute(_PRUNE, {"days": KEEP_DAYS}).rowcount


def troubled() -> list[TroubledJob]:
    """Jobs whose last attempt failed, those that failed for good for a day."""
    with db.reading() as connection:
        return [TroubledJob(*row) for row in connection.execute(_TROUBLED)]


def _attempt(job: Job) -> None:
    try:
        job.attempt()
    except Unavailable as error:
        # The lease ends, and a worker with a database tries again.
        log.debug("job_deferred", job=job.id, reason=error.code)


def _schedule(types: Mapping[str, JobType]) -> None:
    with db.reading() as connection:
        for kind in types.values():
            if kind.schedule:
                values = {"id": new_id(), "type": kind.name, **kind.schedule._asdict()}
                connection.execute(_SCHEDULE, values)


def _take(types: Mapping[str, JobType]) -> Job | None:
    lease_id = new_id()
    values = {"lease_id": lease_id, "seconds": LEASE_SECONDS, "types": list(types)}
    with db.reading() as connection:
        row = connection.execute(_TAKE, values).first()
    return Job(types[row.type], lease_id, row) if row else None


PRUNE_JOBS = cleanup("prune_jobs", lambda report: report(prune()), daily(time(4, 15)))
