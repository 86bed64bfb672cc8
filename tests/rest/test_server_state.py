"""The state of the server, and its jobs."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from chatapp.core import jobs
from chatapp.core.ids import new_id
from chatapp.core.version import __version__
from tests.conftest import Connect, NewKey
from tests.people import Person, data, problem
from tests.waiting import eventually

Json = dict[str, Any]
Enqueue = Callable[..., tuple[str, str]]


@pytest.fixture
def enqueue(engine: Engine) -> Iterator[Enqueue]:
    """Makes jobs that no server runs; called with columns, returns the id and the type."""
    name = f"probe_{''.join(secrets.choice('abcdefgh') for _ in range(12))}"

    def make(**columns: object) -> tuple[str, str]:
        with engine.begin() as db:
            job_id = jobs.enqueue(db, name, {"secret": "arguments are not shown"})
            for column, value in columns.items():
                db.execute(text(f"UPDATE jobs SET {column} = :value WHERE id = :id"), {"value": value, "id": job_id})
        return job_id, name

    yield make
    with engine.begin() as db:
        db.execute(text("DELETE FROM jobs WHERE type = :name"), {"name": name})


def test_the_state_has_all_fields(admin: Person, connect: Connect) -> None:
    connect(admin, transports=["websocket"])
    # A server that another file ran on this database may have ended just now.
    eventually(lambda: data(admin.get("/admin/state"))["queue"] == {"ok": True}, 30)
    state = data(admin.get("/admin/state"))
    assert set(state) == {
        "version", "startedAt", "workers", "database", "queue", "users", "chats", "messages", "jobs",
    }  # fmt: skip
    assert state["version"] == __version__
    assert state["database"]["ok"] is True
    assert 0 < state["database"]["latencyMs"] < 5000
    assert state["queue"] == {"ok": True}
    assert all(set(worker) == {"id", "sockets", "startedAt"} for worker in state["workers"])
    assert sum(worker["sockets"] for worker in state["workers"]) >= 1
    assert state["startedAt"] == min(worker["startedAt"] for worker in state["workers"])
    assert set(state["jobs"]) == {"queued", "running", "failed"}
    assert state["users"] >= 1


def test_jobs_are_counted_and_listed_by_status_and_type(admin: Person, enqueue: Enqueue) -> None:
    before = data(admin.get("/admin/state"))["jobs"]
    _, name = enqueue(status="failed", error="LookupError", finished_at="2026-11-29T10:00:00Z", done=3, total=7)
    enqueue()
    after = data(admin.get("/admin/state"))["jobs"]
    assert after["failed"] >= before["failed"] + 1
    (failed,) = data(admin.get("/admin/jobs", type=name, status="failed"))
    assert set(failed) == {"id", "type", "status", "done", "total", "createdAt", "error", "finishedAt"}
    assert (failed["done"], failed["total"], failed["error"]) == (3, 7, "LookupError")
    assert data(admin.get("/admin/jobs", type=name, status="done")) == []
    assert problem(admin.get("/admin/jobs", status="lost")) == (422, "validation_error")
    assert problem(admin.get("/admin/jobs", type="x y")) == (422, "validation_error")


def test_scheduled_jobs_are_housekeeping(admin: Person) -> None:
    found = data(admin.get("/admin/jobs", type="housekeeping"))
    assert len(found) > 3
    assert {job["type"] for job in found} == {"housekeeping"}
    assert all({"done", "total"} <= set(job) for job in found)


def test_jobs_are_paged_newest_first(admin: Person) -> None:
    whole = [job["id"] for job in data(admin.get("/admin/jobs", type="housekeeping"))]
    first = admin.get("/admin/jobs", type="housekeeping", limit=2).json()
    cursor = first["meta"]["nextCursor"]
    second = admin.get("/admin/jobs", type="housekeeping", limit=100, cursor=cursor).json()
    assert [job["id"] for job in first["data"] + second["data"]] == whole == sorted(whole, reverse=True)
    assert problem(admin.get("/admin/jobs", type="export", cursor=cursor)) == (400, "cursor_invalid")


def test_an_administrator_reads_any_job(admin: Person, alice: Person, enqueue: Enqueue) -> None:
    job_id, name = enqueue(created_by=new_id())
    job = data(admin.get(f"/server/jobs/{job_id}"))
    assert job == {
        "id": job_id, "type": name, "status": "queued", "done": 0, "total": 0, "createdAt": job["createdAt"],
    }  # fmt: skip
    assert problem(admin.get(f"/server/jobs/{new_id()}")) == (404, "not_found")
    assert problem(alice.get(f"/server/jobs/{job_id}")) == (403, "forbidden")


def test_a_key_reads_only_its_own_jobs(enqueue: Enqueue, new_key: NewKey) -> None:
    backend, other = new_key(), new_key("users", "keys", "audit:read")
    job_id, _ = enqueue(created_by=backend.id)
    assert data(backend.get(f"/server/jobs/{job_id}"))["id"] == job_id
    assert problem(other.get(f"/server/jobs/{job_id}")) == (404, "not_found")
    by_command, _ = enqueue()
    assert problem(backend.get(f"/server/jobs/{by_command}")) == (404, "not_found")
    # These are for users.
    for path in ("/admin/state", "/admin/jobs"):
        assert problem(other.get(path)) == (403, "act_as_forbidden")
