"""Messages are found whatever happens to workers, Redis and the database between their acks and the index."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import TEMPLATE, NewPostgres
from tests.metrics import number, scrape
from tests.people import Person, data, register
from tests.server import Server
from tests.waiting import eventually

FRESH_SECONDS = 2.0
RECOVERY_SECONDS = 60.0
_LOCK = "SELECT FROM chat_search WHERE chat_id = :chat_id FOR UPDATE"
_JOB_DUE = "UPDATE jobs SET next_at = now() + CAST(:delay AS interval) WHERE type = 'index_messages'"


@pytest.fixture(scope="module")
def own_postgres(new_postgres: NewPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that tests may kill: what it acknowledged is on the disk."""
    with new_postgres(tmp_path_factory.mktemp("search")) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def own_engine(own_postgres: EmbeddedPostgres) -> Iterator[Engine]:
    """Its database."""
    engine = create_engine(own_postgres.url(TEMPLATE), poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Redis that tests may stop."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture
def site(own_postgres: EmbeddedPostgres, valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[Server]:
    """A server with two workers."""
    settings = {"REDIS_URL": valkey.url, "WEB_CONCURRENCY": "2"}
    with Server(own_postgres.url(TEMPLATE), tmp_path, **settings) as server:
        yield server


@pytest.fixture
def pair(site: Server) -> tuple[Person, str]:
    """A user, and their direct chat, which is indexed already."""
    alice, bob = register(site.url, "alice"), register(site.url, "bob")
    chat_id = alice.direct_chat(bob)
    alice.send(chat_id, "first")
    eventually(lambda: finds(alice, "first"), RECOVERY_SECONDS)
    return alice, chat_id


def finds(person: Person, q: str) -> bool:
    """Whether a user finds a message."""
    return bool(data(person.get("/search/messages", q=q)))


def execute(engine: Engine, statement: str, **values: object) -> None:
    with engine.begin() as db:
        db.execute(text(statement), values)


def lock(db: Connection, chat_id: str) -> None:
    """Keep all workers from indexing a chat until the end of the transaction."""
    db.execute(text(_LOCK), {"chat_id": chat_id})


def worker_pids(server: Server) -> list[int]:
    return [worker.pid for worker in psutil.Process(server.pid).children()]


def test_a_message_is_found_although_its_worker_was_killed_before_it_was_indexed(
    site: Server, own_engine: Engine, pair: tuple[Person, str]
) -> None:
    alice, chat_id = pair
    execute(own_engine, _JOB_DUE, delay="1 hour")
    with own_engine.begin() as db:
        lock(db, chat_id)
        alice.send(chat_id, "second")
        before = worker_pids(site)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(
            lambda: len(workers := set(worker_pids(site)) - set(before)) == 2 and bool(workers), RECOVERY_SECONDS
        )
    eventually(lambda: responds(alice), RECOVERY_SECONDS)
    assert not finds(alice, "second")
    execute(own_engine, _JOB_DUE, delay="0")
    eventually(lambda: finds(alice, "second"), RECOVERY_SECONDS)
    # Workers publish their metrics every few seconds, and the job counts what it has committed.
    eventually(lambda: number(scrape(site.url), "chat_search_recovered_changes_total") >= 1, RECOVERY_SECONDS)
    eventually(lambda: number(scrape(site.url), "chat_search_lag_seconds") < RECOVERY_SECONDS, RECOVERY_SECONDS)


def test_changes_wait_in_the_worker_until_the_database_is_back(
    site: Server, own_postgres: EmbeddedPostgres, own_engine: Engine, pair: tuple[Person, str]
) -> None:
    alice, chat_id = pair
    execute(own_engine, _JOB_DUE, delay="1 hour")
    db = own_engine.connect()
    lock(db, chat_id)
    alice.send(chat_id, "second")
    eventually(lambda: number(scrape(site.url), "chat_search_lag_seconds") > 0, RECOVERY_SECONDS)
    own_postgres.kill()
    db.invalidate()
    db.close()
    own_postgres.start()
    eventually(lambda: responds(alice) and finds(alice, "second"), RECOVERY_SECONDS)
    eventually(lambda: number(scrape(site.url), "chat_search_lag_seconds") == 0, RECOVERY_SECONDS)


def test_messages_are_found_while_redis_is_away(site: Server, valkey: EmbeddedValkey, pair: tuple[Person, str]) -> None:
    alice, chat_id = pair
    valkey.stop()
    try:
        alice.send(chat_id, "second")
        eventually(lambda: finds(alice, "second"), RECOVERY_SECONDS)
    finally:
        valkey.start()


def test_a_worker_that_ends_indexes_what_it_committed(
    site: Server, own_engine: Engine, pair: tuple[Person, str]
) -> None:
    alice, chat_id = pair
    sent = alice.send(chat_id, "second")["id"]
    site.stop()
    with own_engine.connect() as db:
        indexed = text("SELECT FROM message_words WHERE chat_id = :chat_id AND message_id = :id")
        assert db.execute(indexed, {"chat_id": chat_id, "id": sent}).first() is not None
    site.start()


def test_messages_of_a_single_worker_are_found_in_time(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    with Server(own_postgres.url(TEMPLATE), tmp_path) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        chat_id = alice.direct_chat(bob)
        for content in ("first", "second", "third"):
            alice.send(chat_id, content)
            eventually(lambda content=content: finds(bob, content), FRESH_SECONDS)  # type: ignore[misc]


def responds(person: Person) -> bool:
    """Whether a request succeeds."""
    try:
        return person.get("/users/me").ok
    except OSError:
        return False
