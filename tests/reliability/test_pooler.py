"""A server whose database is behind a pooler in transaction mode."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, NullPool, create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import wait_for
from tests import once
from tests.edited import EditedServer
from tests.people import Person, data, register
from tests.pgbouncer import POOL_SIZE, needs_pgbouncer, pgbouncer
from tests.search import wait_until_indexed
from tests.server import Server
from tests.socket_clients import PyClient

pytestmark = needs_pgbouncer
SENDERS, EACH = 6, 12


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a `once` subscriber of the server wrote."""
    return tmp_path_factory.mktemp("once") / "written"


@pytest.fixture(scope="module")
def pooler_url(
    postgres: EmbeddedPostgres, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of the database through the pooler."""
    assert database_url
    with pgbouncer(postgres, tmp_path_factory.mktemp("pgbouncer")) as url:
        yield url


@pytest.fixture(scope="module")
def pooled(pooler_url: str, tmp_path_factory: pytest.TempPathFactory, written: Path) -> Iterator[Server]:
    """A server of this kind; it logs no error."""
    url = f"{pooler_url}?pgbouncer=true&connection_limit=10"
    with EditedServer(url, tmp_path_factory.mktemp("pooled"), once.lines(written)) as server:
        yield server
    assert not server.errors_in_log(), "\n".join(server.errors_in_log())


def use(person: Person, others: list[Person]) -> list[str]:
    """Send to others, read it, and look at everything else that a client asks for, in an order of its own; returns the
    ids of the messages."""
    order = random.Random(person.id)
    ids = []
    for number in range(EACH):
        chat = person.direct_chat(order.choice(others))
        sent = person.send(chat, f"Message {number}")
        ids.append(sent["id"])
        assert data(person.get(f"/messages/{chat}"))[0]["rev"] >= sent["rev"]
        assert data(person.get(f"/messages/{chat}", after=0))
        data(person.post("/sync", {"chats": {chat: 0}}))
        data(person.post(f"/messages/{chat}/read", {}))
        data(person.get("/chats"))
    return ids


def test_everything_works_concurrently_behind_a_pooler(pooled: Server, written: Path) -> None:
    people = [register(pooled.url, f"pooled{number}") for number in range(SENDERS)]
    socket = PyClient.connect(pooled.url, people[0].token)
    with ThreadPoolExecutor(SENDERS) as threads:
        sent_by = list(threads.map(lambda person: use(person, [each for each in people if each is not person]), people))
    ids = [id for sent in sent_by for id in sent]
    assert wait_for(lambda: not once.violations(once.read(written), ids), 10)
    group = data(people[0].post("/chats/groups", {"name": "All", "memberIds": [each.id for each in people[1:]]}))
    sent = socket.call("message:send", {"chatId": group["id"], "content": "To all"})["data"]
    assert data(people[1].get(f"/messages/{group['id']}"))[0]["id"] == sent["id"]
    socket.disconnect()


def test_searches_leave_no_settings_behind_a_pooler(pooled: Server, pooler_url: str, engine: Engine) -> None:
    people = [register(pooled.url, f"pooled{number}") for number in range(SENDERS)]
    chats = [person.group() for person in people]
    for person, chat in zip(people, chats, strict=True):
        person.send(chat, "Hello")
    wait_until_indexed(engine, chats)

    def search(person: Person) -> requests.Response:
        return person.get("/search/messages", q="hello")

    with ThreadPoolExecutor(SENDERS) as threads:
        assert all(response.ok for response in threads.map(search, people))
        with engine.begin() as db:
            # Statements are cut off after their time.
            db.execute(text("LOCK TABLE message_words IN ACCESS EXCLUSIVE MODE"))
            assert all(response.json()["meta"]["isPartial"] for response in threads.map(search, people))
    changed = text("SELECT name, setting FROM pg_settings WHERE source = 'session' AND name <> 'application_name'")
    pooler = create_engine(pooler_url.replace("postgresql", "postgresql+psycopg2", 1), poolclass=NullPool)
    with ExitStack() as opened:
        # While their transactions are open, each has a connection of the pooler for itself.
        connections = [opened.enter_context(pooler.connect()) for _ in range(POOL_SIZE)]
        assert [db.execute(changed).all() for db in connections] == [[]] * POOL_SIZE
