"""What the server promises while its database is gone, and what it promises to have kept."""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import wait_for
from tests.conftest import TEMPLATE, NewPostgres
from tests.people import data, problem, register
from tests.server import Server
from tests.socket_clients import JsDriver


@pytest.fixture
def own_postgres(new_postgres: NewPostgres, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A durable PostgreSQL that a test may stop."""
    with new_postgres(tmp_path / "postgres") as postgres:
        yield postgres


def test_database_outage_is_reported_and_ends_without_restart(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    with Server(own_postgres.url(TEMPLATE), tmp_path) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        chat = alice.direct_chat(bob)
        own_postgres.kill()
        assert problem(alice.get("/users/me")) == (503, "database_unavailable")
        assert problem(alice.post("/messages", {"chatId": chat, "content": "x"})) == (503, "database_unavailable")
        assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200
        ready = requests.get(f"{server.url}/readyz", timeout=20)
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unavailable")
        own_postgres.start()
        assert alice.send(chat, "back")["seq"] == 1
        assert requests.get(f"{server.url}/readyz", timeout=20).status_code == 200
        assert "Traceback" not in server.log


def test_a_server_may_start_before_its_database(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    own_postgres.stop()
    with Server(own_postgres.url(TEMPLATE), tmp_path) as server:
        assert requests.get(f"{server.url}/readyz", timeout=20).status_code == 503
        own_postgres.start()
        assert register(server.url).get("/users/me").ok


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    with Server(own_postgres.url(TEMPLATE), tmp_path) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        chat = alice.direct_chat(bob)
        acknowledged: list[str] = []
        kills = {50, 150, 250}
        while len(acknowledged) < 300:
            # The same clientId until it is acknowledged: a client without a response retries.
            client_id = str(uuid.uuid4())
            while client_id not in acknowledged[-1:]:
                if len(acknowledged) in kills:
                    kills.remove(len(acknowledged))
                    threading.Timer(0.002, server.kill).start()
                try:
                    alice.send(chat, f"message {client_id}", clientId=client_id)
                except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    # Killed before the response, or within it.
                    server.start()
                else:
                    acknowledged.append(client_id)
        kept: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = bob.get(f"/messages/{chat}", limit=100, **cursor).json()
            kept += [message["clientId"] for message in page["data"]]
            if not page["meta"]["hasMore"]:
                break
            cursor = {"cursor": page["meta"]["nextCursor"]}
        assert kept[::-1] == acknowledged
        assert data(bob.get(f"/chats/{chat}"))["lastSeq"] == len(acknowledged)


def test_sockets_connect_once_the_database_is_back(
    own_postgres: EmbeddedPostgres, tmp_path: Path, js_driver: JsDriver
) -> None:
    with Server(own_postgres.url(TEMPLATE), tmp_path) as server:
        person = register(server.url)
        there_before = js_driver.connect(server.url, person.token)
        own_postgres.kill()
        sockets = [
            js_driver.connect(
                server.url,
                person.token,
                wait=False,
                transports=way,
                reconnection=True,
                reconnection_delay=0.2,
                reconnection_delay_max=1.0,
            )
            for way in (["polling"], ["websocket"], None)
        ]
        wait_for(lambda: server.log.count("socket_refused") > len(sockets), 10)
        own_postgres.start()
        # At once: the crash made the database forget who is here, and which workers there are.
        sockets.append(js_driver.connect(server.url, person.token))
        for socket in (*sockets, there_before):
            assert wait_for(lambda socket=socket: socket.connected, 10), sockets.index(socket)  # type: ignore[misc]
            socket.flush()
            socket.disconnect()
        wait_for(lambda: not data(register(server.url).get(f"/users/{person.name}"))["isOnline"], 10)
        assert server.errors_in_log() == []
