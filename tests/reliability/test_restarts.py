"""People talk on while workers, Redis and PostgreSQL are killed: nothing acknowledged is lost, doubled or out of order."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import TEMPLATE, NewPostgres
from tests.people import data, register
from tests.reliability.conversation import PAUSE_SECONDS, SLOW_SECONDS, Talker, check, wait_for_each
from tests.server import Server
from tests.socket_clients import JsDriver


@dataclass
class Site:
    """Two servers, their database and their queue."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    servers: tuple[Server, Server]
    engine: Engine


@pytest.fixture(scope="module")
def site(new_postgres: NewPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of this module's own, which its tests may break."""
    folder = tmp_path_factory.mktemp("site")
    with new_postgres(folder / "postgres") as postgres, EmbeddedValkey(folder / "valkey") as valkey:
        url = postgres.url(TEMPLATE)
        engine = create_engine(url, poolclass=NullPool)
        with Server(url, folder, REDIS_URL=valkey.url) as one, Server(url, folder, REDIS_URL=valkey.url) as two:
            yield Site(postgres, valkey, (one, two), engine)
        engine.dispose()


@pytest.fixture
def talkers(site: Site, js_driver: JsDriver) -> Iterator[list[Talker]]:
    """Four people in one group, two on each server, who talk until the test ends."""
    people = [register(site.servers[number % 2].url, f"talker{number}") for number in range(4)]
    chat = data(people[0].post("/chats/groups", {"name": "x", "memberIds": [p.id for p in people[1:]]}))["id"]
    found = [
        Talker(person, js_driver.connect(person.url, person.token, reconnection=True, reconnection_delay=0.2), chat)
        for person in people
    ]
    for talker in found:
        talker.start()
    yield found
    for talker in found:
        talker.socket.disconnect()


def kill_a_server(site: Site) -> None:
    site.servers[0].kill()
    site.servers[0].start()


def restart_a_server(site: Site) -> None:
    site.servers[1].stop()
    site.servers[1].start()


def kill_redis(site: Site) -> None:
    site.valkey.kill()
    site.valkey.start()


def kill_postgres(site: Site) -> None:
    site.postgres.kill()
    site.postgres.start()


def kill_both(site: Site) -> None:
    site.valkey.kill()
    site.postgres.kill()
    site.valkey.start()
    # Connected to Redis, the servers can't read the database yet.
    time.sleep(3)
    site.postgres.start()


def test_logout_with_an_event_lost_in_a_kill_is_enforced(site: Site, js_driver: JsDriver) -> None:
    person = register(site.servers[1].url, "leaver")
    socket = js_driver.connect(person.url, person.token)
    # The servers receive each other's events.
    register(site.servers[0].url, "talker").direct_chat(person)
    socket.wait_for("chat:new")
    # As if the first server had been killed right after its commit.
    with site.engine.begin() as db:
        db.execute(text("UPDATE sessions SET ended_at = now() WHERE user_id = :id"), {"id": person.id})
    site.servers[0].kill()
    try:
        assert socket.wait_disconnect(10) == "io server disconnect"
    finally:
        site.servers[0].start()
        socket.disconnect()


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [(kill_a_server, 5), (restart_a_server, 5), (kill_redis, 5), (kill_postgres, 10), (kill_both, 10)],
)
def test_a_conversation_survives(
    site: Site, talkers: list[Talker], fault: Callable[[Site], None], seconds: float
) -> None:
    wait_for_each(talkers, 20)
    for _ in range(2):
        # Messages are on their way now.
        for talker in talkers:
            talker.pause = SLOW_SECONDS
        fault(site)
        # The stopped process is back, and sends of all users are acknowledged again.
        back = time.monotonic()
        wait_for_each(talkers, 1)
        resumed = time.monotonic() - back
        print(f"{fault.__name__}: sending resumed after {resumed:.1f} s")
        assert resumed < seconds
        for talker in talkers:
            talker.pause = PAUSE_SECONDS
        wait_for_each(talkers, 20)
    for talker in talkers:
        talker.stop()
    assert check(site.engine, talkers[0].chat_id, talkers) >= 4 * 60
