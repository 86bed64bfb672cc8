"""An erasure continues after a kill."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.conftest import NewDatabase
from tests.people import Person, data, register
from tests.server import Server

MESSAGES = 6000

# With the lease of the killed worker.
SECONDS = 60.0


def until(admin: Person, job_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The job once it is as wanted."""
    deadline = time.monotonic() + SECONDS
    while not holds(job := data(admin.get(f"/server/jobs/{job_id}"))):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    return dict(job)


def test_an_erasure_survives_a_kill(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> None:
    url = new_database("chat_erasure")
    engine = create_engine(url, poolclass=NullPool)
    with Server(url, tmp_path_factory.mktemp("erasure")) as server:
        admin, alice, bob = (register(server.url) for _ in range(3))
        chat_id = bob.direct_chat(alice)
        with engine.begin() as db:
            values = {"admin": admin.id, "chat": chat_id, "sender": alice.id, "count": MESSAGES}
            db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :admin"), values)
            db.execute(
                text("""
                INSERT INTO messages (id, chat_id, sender_id, content, type, seq, rev, client_id)
                SELECT gen_random_uuid(), :chat, :sender, 'text', 'TEXT', n, 1 + n, gen_random_uuid()
                FROM generate_series(1, :count) n
                """),
                values,
            )
            db.execute(text("UPDATE chats SET last_seq = :count, last_rev = 1 + :count WHERE id = :chat"), values)
        job = data(admin.request("DELETE", f"/server/users/{alice.id}", params={"messages": "erase"}))
        until(admin, job["id"], lambda now: 0 < now["done"] < MESSAGES)
        server.kill()
        server.start()
        done = until(admin, job["id"], lambda now: now["status"] == "done")
        # What the killed worker had done, but not noted, is not counted.
        assert 0 < done["done"] == done["total"]
        with engine.connect() as db:
            left = "SELECT count(*) FILTER (WHERE deleted_at IS NULL), count(DISTINCT rev) FROM messages"
            assert db.execute(text(left)).one() == (0, MESSAGES)
    engine.dispose()
