"""Maintenance deletes what is no longer needed, and nothing else."""

import re
import uuid

import requests
from sqlalchemy import Engine, create_engine, text

from tests.cli.conftest import Chat
from tests.conftest import NewDatabase
from tests.people import Person, problem
from tests.server import Server


def sessions(engine: Engine, person: Person) -> tuple[int, int]:
    """The number of sessions and of refresh tokens of a user."""
    mine = "FROM sessions s {} WHERE s.user_id = :id"
    with engine.connect() as db:
        counts = (
            db.execute(text(f"SELECT count(*) {mine.format(join)}"), {"id": person.id}).scalar_one()
            for join in ("", "JOIN refresh_tokens t ON t.session_id = s.id")
        )
        return next(counts), next(counts)


def change(engine: Engine, statement: str, **values: str) -> None:
    with engine.begin() as db:
        db.execute(text(statement), values)


def refresh(person: Person) -> requests.Response:
    body = {"refreshToken": person.refresh_token}
    return requests.post(f"{person.url}/api/v1/auth/refresh", json=body, timeout=20)


def test_expired_tokens_and_old_sessions_go(
    chat: Chat, engine: Engine, server: Server, alice: Person, bob: Person, carol: Person
) -> None:
    of = "session_id IN (SELECT id FROM sessions WHERE user_id = :id)"
    # Alice's one token has expired; bob left two days ago; carol has refreshed and left a moment ago.
    change(engine, f"UPDATE refresh_tokens SET expires_at = now() - interval '1 s' WHERE {of}", id=alice.id)
    change(engine, "UPDATE sessions SET ended_at = now() - interval '2 days' WHERE user_id = :id", id=bob.id)
    assert refresh(carol).ok
    carol.post("/auth/logout")
    old = "UPDATE login_addresses SET last_login_at = now() - interval '31 days' WHERE user_id = :id"
    change(engine, old, id=alice.id)
    done = chat("prune-tokens")
    assert done.returncode == 0, done.stderr
    removed = re.search(r"Tokens and sessions: (\d+) removed", done.stdout)
    assert removed
    assert int(removed[1]) >= 4
    with engine.connect() as db:
        kept = set(db.execute(text("SELECT user_id::text FROM login_addresses")).scalars())
    assert alice.id not in kept
    assert bob.id in kept
    assert [sessions(engine, person) for person in (alice, bob, carol)] == [(0, 0), (0, 0), (1, 2)]
    assert problem(refresh(alice)) == (401, "token_invalid")
    assert problem(refresh(carol)) == (401, "refresh_reused")


def test_housekeeping_removes_what_the_jobs_of_a_server_remove(chat: Chat, new_database: NewDatabase) -> None:
    # A database without a server, since live workers would do this themselves.
    url = new_database("chat_maintenance")
    engine = create_engine(url)
    person, dead, dying = (str(uuid.uuid4()) for _ in range(3))
    user = "INSERT INTO users (id, email, email_key, username, password_hash) VALUES (:id, 'a@example.org', 'a@example.org', 'a', '')"
    change(engine, user, id=person)
    for worker, age in ((dead, "3600"), (dying, "5")):
        lease = "INSERT INTO workers (id, expires_at) VALUES (:id, now() - CAST(:age AS interval))"
        change(engine, lease, id=worker, age=f"{age} s")
        seat = "INSERT INTO presence (user_id, worker_id, sockets) VALUES (:user, :worker, 1)"
        change(engine, seat, user=person, worker=worker)
    group = str(uuid.uuid4())
    change(engine, "INSERT INTO chats (id, type, name) VALUES (:id, 'GROUP', 'x')", id=group)
    for rev, age in (("1", "25"), ("2", "23")):
        old = (
            "INSERT INTO chat_changes (chat_id, rev, kind, created_at)"
            " VALUES (:id, :rev, 'UPDATED', now() - CAST(:age AS interval))"
        )
        change(engine, old, id=group, rev=rev, age=f"{age} h")
    for status, age in (("done", "31"), ("done", "29")):
        job = (
            "INSERT INTO jobs (id, type, status, finished_at)"
            " VALUES (gen_random_uuid(), 'test', :status, now() - CAST(:age AS interval))"
        )
        change(engine, job, status=status, age=f"{age} days")
    for age in ("91", "89"):
        report = (
            "INSERT INTO reports (id, reporter_id, target_type, target_id, reason, status, closed_at)"
            " VALUES (gen_random_uuid(), :user, 'user', gen_random_uuid(), 'spam', 'done', now() - CAST(:age AS interval))"
        )
        change(engine, report, user=person, age=f"{age} days")
    done = chat("housekeeping", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Tokens and sessions: 0 removed.",
        "Changes of chats: 1 removed.",
        "Presence of dead workers: 1 removed.",
        "Files without a message: 0 removed.",
        "Replaced avatars: 0 removed.",
        "Finished jobs: 1 removed.",
        "Entries of the audit log: 0 removed.",
        "Reporters and excerpts of closed reports: 1 removed.",
    ]
    with engine.connect() as db:
        # A worker that may just be late is left to the others.
        assert [str(id) for id in db.execute(text("SELECT worker_id FROM presence")).scalars()] == [dying]
        assert db.execute(text("SELECT last_seen FROM users WHERE id = :id"), {"id": person}).scalar_one()
        assert list(db.execute(text("SELECT rev FROM chat_changes")).scalars()) == [2]
    engine.dispose()
