"""Jobs are run at least once, repeated after failures, and scheduled once per due time."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import time as time_of_day
from datetime import timedelta
from typing import Any

import gevent
import pytest
from flask import Flask
from sqlalchemy import Engine, Row, text

from chatapp.core import jobs
from chatapp.core.ids import new_id
from chatapp.core.jobs import Interrupted, Job, JobType, Schedule, TroubledJob, daily

Run = Callable[..., None]


@pytest.fixture
def run(app: Flask, engine: Engine) -> Iterator[Run]:
    """Registers types of jobs; called without any, runs what is due."""

    def work(*types: JobType) -> None:
        if types:
            jobs.register(types)
            return
        # Times are stored in milliseconds: rounded up, a job is due half a millisecond after its transaction.
        time.sleep(0.001)
        jobs.run_due()
        gevent.joinall(list(jobs._runner.get().running), timeout=10)

    logging.getLogger("chatapp.core.jobs").setLevel(logging.ERROR)
    yield work
    jobs.register([])
    with engine.begin() as db:
        db.execute(text("DELETE FROM jobs WHERE type LIKE 'test_%'"))


def enqueue(engine: Engine, name: str, **args: Any) -> str:
    with engine.begin() as db:
        return jobs.enqueue(db, name, args)


def change(engine: Engine, what: str) -> None:
    with engine.begin() as db:
        db.execute(text(f"UPDATE jobs SET {what} WHERE type LIKE 'test_%'"))


def are_waiting(engine: Engine) -> bool:
    """Whether jobs of this test wait."""
    with engine.connect() as db:
        return bool(db.execute(text("SELECT 1 FROM jobs WHERE type LIKE 'test_%' AND status = 'queued'")).first())


def row(engine: Engine, id: str | None = None) -> Row[Any]:
    with engine.connect() as db:
        return db.execute(text("SELECT * FROM jobs WHERE type LIKE 'test_%'")).one()


def troubled() -> list[TroubledJob]:
    """The troubled jobs of this test: those of servers on the same database may have failed too."""
    return [job for job in jobs.troubled() if job.type.startswith("test_")]


def fail(job: Job) -> None:
    raise LookupError("an error with a text that is not stored")


def test_a_job_is_run_with_its_arguments_and_result(run: Run, engine: Engine) -> None:
    def double(job: Job) -> dict[str, int]:
        job.progress(1, 2)
        return {"doubled": 2 * job.args["number"]}

    run(JobType("test_double", double))
    id = enqueue(engine, "test_double", number=21)
    run()
    found = row(engine)
    assert (str(found.id), found.status, found.result, found.done, found.total) == (id, "done", {"doubled": 42}, 1, 2)
    assert found.finished_at
    run()
    assert row(engine).attempts == 1


def test_a_subject_has_one_open_job_of_a_type(run: Run, engine: Engine) -> None:
    run(JobType("test_one", lambda job: None), JobType("test_two", lambda job: None))
    subject, key = new_id(), new_id()

    def enqueue_about(name: str, subject: str | None) -> str:
        with engine.begin() as db:
            return jobs.enqueue(db, name, created_by=key, subject=subject)

    first = enqueue_about("test_one", subject)
    assert enqueue_about("test_one", subject) == first
    others = {enqueue_about("test_two", subject), enqueue_about("test_one", new_id()), enqueue_about("test_one", None)}
    assert len({first, *others}) == 4
    with engine.connect() as db:
        assert jobs.find_open(db, "test_one", subject) == first
        assert str(db.execute(text("SELECT created_by FROM jobs WHERE id = :id"), {"id": first}).scalar()) == key
    while are_waiting(engine):
        run()
    with engine.connect() as db:
        assert jobs.find_open(db, "test_one", subject) is None
    assert enqueue_about("test_one", subject) != first


def test_a_job_of_a_transaction_that_is_rolled_back_does_not_exist(run: Run, engine: Engine) -> None:
    ran: list[Job] = []
    run(JobType("test_never", ran.append))
    with engine.connect() as db:
        jobs.enqueue(db, "test_never")
        run()
        db.rollback()
    run()
    assert not ran


def test_jobs_of_unknown_types_are_left_to_other_workers(run: Run, engine: Engine) -> None:
    run(JobType("test_known", lambda job: None))
    enqueue(engine, "test_unknown")
    run()
    assert row(engine).status == "queued"


def test_a_failed_job_is_repeated_until_its_last_attempt(run: Run, engine: Engine) -> None:
    run(JobType("test_fails", fail, max_attempts=2))
    enqueue(engine, "test_fails")
    run()
    found = row(engine)
    assert (found.status, found.attempts, found.error, found.lease_until) == ("queued", 1, "LookupError", None)
    assert found.next_at - found.created_at >= timedelta(seconds=1.9)
    # Not before its time, on however busy a machine.
    change(engine, "next_at = now() + interval '1 minute'")
    run()
    assert row(engine).attempts == 1
    assert [(job.type, job.status) for job in troubled()] == [("test_fails", "queued")]
    change(engine, "next_at = now()")
    run()
    assert (row(engine).status, row(engine).attempts) == ("failed", 2)
    assert [(job.type, job.status, job.error) for job in troubled()] == [("test_fails", "failed", "LookupError")]
    change(engine, "next_at = now()")
    run()
    assert row(engine).attempts == 2


def test_a_job_that_takes_too_long_is_repeated(run: Run, engine: Engine) -> None:
    def time_out(job: Job) -> None:
        # Not an Exception.
        raise gevent.Timeout(1)

    run(JobType("test_times_out", time_out))
    enqueue(engine, "test_times_out")
    run()
    assert (row(engine).status, row(engine).error) == ("queued", "Timeout")


def test_a_job_that_kills_its_workers_fails_in_the_end(run: Run, engine: Engine) -> None:
    ran: list[Job] = []
    run(JobType("test_kills", ran.append, max_attempts=2))
    enqueue(engine, "test_kills")
    change(engine, "status = 'running', attempts = 2, lease_until = now() - interval '1 s'")
    run()
    assert not ran
    assert row(engine).status == "failed"


def test_an_interrupted_job_continues_elsewhere_and_the_first_attempt_stops(run: Run, engine: Engine) -> None:
    attempts: list[int] = []

    def interrupted(job: Job) -> dict[str, int]:
        attempts.append(job.done)
        if job.attempts > 1:
            return {"attempt": job.attempts}
        job.progress(7)
        change(engine, "lease_until = now() - interval '1 s'")
        jobs.run_due()
        while len(attempts) < 2:
            gevent.sleep(0.01)
        with pytest.raises(Interrupted):
            job.progress(8)
        return {"attempt": job.attempts}

    run(JobType("test_interrupted", interrupted))
    enqueue(engine, "test_interrupted")
    run()
    assert attempts == [0, 7]
    # The outcome of the attempt that had the lease.
    assert row(engine).result == {"attempt": 2}


def test_a_leased_job_is_left_alone(run: Run, engine: Engine) -> None:
    ran: list[Job] = []
    run(JobType("test_leased", ran.append))
    enqueue(engine, "test_leased")
    change(engine, "status = 'running', lease_until = now() + interval '1 minute'")
    run()
    assert not ran


def test_a_scheduled_job_is_due_again_after_success_and_failure(run: Run, engine: Engine) -> None:
    fails = False

    def tick(job: Job) -> None:
        if fails:
            fail(job)

    run(JobType("test_tick", tick, Schedule(3600), max_attempts=1))
    run()
    first = row(engine)
    assert (first.is_scheduled, first.attempts) == (True, 0)
    assert first.next_at.minute == first.next_at.second == 0
    for fails in (False, True):
        change(engine, "next_at = now() - interval '2 days'")
        run()
        found = row(engine)
        assert (found.status, found.next_at, found.attempts) == ("queued", first.next_at, 0)
        assert found.error == ("LookupError" if fails else None)
        assert found.finished_at
        run()
        assert row(engine).finished_at == found.finished_at


def test_a_shorter_interval_takes_effect_at_once(run: Run, engine: Engine) -> None:
    run(JobType("test_tick", lambda job: None, daily(time_of_day(4, 30))))
    run()
    assert (row(engine).next_at.hour, row(engine).next_at.minute) == (4, 30)
    before = row(engine).next_at
    run(JobType("test_tick", lambda job: None, Schedule(1)))
    run()
    assert row(engine).next_at < before


def test_finished_jobs_are_deleted_after_a_month(run: Run, engine: Engine) -> None:
    run(JobType("test_old", lambda job: None))
    enqueue(engine, "test_old")
    run()
    change(engine, "finished_at = now() - interval '29 days'")
    jobs.prune()
    assert row(engine)
    change(engine, "finished_at = now() - interval '31 days'")
    assert jobs.prune() == 1
