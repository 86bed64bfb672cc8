"""A database that takes no changes, or that a cut network hides: clear problems at once, and back by itself."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from chatapp.core.embedded_database import socket_folder
from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import wait_for
from tests.chaos.proxy import Proxy
from tests.conftest import TEMPLATE, NewPostgres
from tests.people import Person, data, problem, register
from tests.server import Server, free_port
from tests.socket_clients import JsDriver

PORT = free_port()
UNAVAILABLE = (503, "database_unavailable")


@pytest.fixture(scope="module")
def own_postgres(new_postgres: NewPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL whose settings tests may change."""
    with new_postgres(tmp_path_factory.mktemp("outages"), durable=False) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def proxy(own_postgres: EmbeddedPostgres) -> Iterator[Proxy]:
    """The way to that PostgreSQL over TCP."""
    proxy = Proxy(PORT, socket_folder(own_postgres.folder) / ".s.PGSQL.5432")
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def cut_off(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind that way."""
    with Server(f"postgresql://postgres@127.0.0.1:{PORT}/{TEMPLATE}", tmp_path_factory.mktemp("cut_off")) as server:
        yield server


@pytest.fixture
def set_read_only(own_postgres: EmbeddedPostgres) -> Iterator[Callable[[bool], None]]:
    """Makes the database read-only for new sessions and ends the present ones, as a failover or a quota does."""
    engine = create_engine(own_postgres.url("postgres"), isolation_level="AUTOCOMMIT")

    def change(on: bool) -> None:
        with engine.connect() as db:
            db.execute(text(f"ALTER DATABASE {TEMPLATE} SET default_transaction_read_only = {on}"))
            if on:
                db.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{TEMPLATE}'"))

    yield change
    change(False)
    engine.dispose()


def ready(server: Server) -> tuple[int, str]:
    response = requests.get(f"{server.url}/readyz", timeout=20)
    return response.status_code, response.json()["checks"]["database"]


def recovers(alice: Person, chat: str) -> bool:
    return alice.post("/messages", {"chatId": chat, "content": "back"}).ok


def test_read_only_database_is_reported_as_a_problem(
    own_postgres: EmbeddedPostgres,
    tmp_path: Path,
    set_read_only: Callable[[bool], None],
    js_driver: JsDriver,
) -> None:
    with Server(own_postgres.url(TEMPLATE), tmp_path) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        chat = alice.direct_chat(bob)
        socket = js_driver.connect(server.url, alice.token, reconnection=True)
        message = alice.send(chat, "x")
        set_read_only(True)
        for _ in range(3):
            assert problem(alice.post("/messages", {"chatId": chat, "content": "y"})) == UNAVAILABLE
            assert problem(alice.patch(f"/messages/{message['id']}", {"content": "y"})) == UNAVAILABLE
            assert problem(bob.post(f"/messages/{chat}/read")) == UNAVAILABLE
        assert socket.call("message:send", {"chatId": chat, "content": "y"})["error"]["code"] == UNAVAILABLE[1]
        assert ready(server) == (503, "unavailable")
        assert data(alice.get("/users/me"))["id"] == alice.id
        # An official client whose handshake meets it comes again by itself.
        waits = js_driver.connect(server.url, bob.token, wait=False, reconnection=True, reconnection_delay_max=1.0)
        wait_for(lambda: server.log.count("socket_refused") > 1, 15)
        set_read_only(False)
        assert wait_for(lambda: recovers(alice, chat), 10)
        assert wait_for(lambda: ready(server) == (200, "ok"), 10)
        assert wait_for(lambda: waits.connected, 10)
        waits.disconnect()
        socket.disconnect()
        assert "Traceback" not in server.log


def test_cut_network_is_reported_within_seconds(cut_off: Server, proxy: Proxy) -> None:
    alice, bob = register(cut_off.url, "alice"), register(cut_off.url, "bob")
    chat = alice.direct_chat(bob)
    alice.send(chat, "x")
    proxy.block()

    def send(number: int) -> tuple[tuple[int, str], float]:
        began = time.monotonic()
        response = requests.post(
            f"{cut_off.url}/api/v1/messages",
            json={"chatId": chat, "content": str(number)},
            headers={"Authorization": f"Bearer {alice.token}"},
            timeout=30,
        )
        return problem(response), time.monotonic() - began

    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(24)))
        assert {reply for reply, _ in answers} == {UNAVAILABLE}
        assert max(seconds for _, seconds in answers) < 8
        began = time.monotonic()
        assert ready(cut_off) == (503, "unavailable")
        assert time.monotonic() - began < 1
    finally:
        proxy.heal()
    assert wait_for(lambda: recovers(alice, chat), 10)


def test_a_slow_statement_is_no_cut_network(cut_off: Server, own_postgres: EmbeddedPostgres) -> None:
    alice, bob = register(cut_off.url, "alice"), register(cut_off.url, "bob")
    chat = alice.direct_chat(bob)
    message = alice.send(chat, "x")
    engine = create_engine(own_postgres.url(TEMPLATE))
    with ThreadPoolExecutor(1) as pool, engine.begin() as db:
        db.execute(text("SELECT FROM chats WHERE id = :id FOR UPDATE"), {"id": chat})
        edit = pool.submit(alice.patch, f"/messages/{message['id']}", {"content": "y"})
        time.sleep(4)
        assert ready(cut_off) == (200, "ok")
        db.rollback()
        assert data(edit.result())["content"] == "y"
    engine.dispose()
