"""Logged fields of requests and sockets, and secrets that are never logged."""

import json
import re
import secrets
import socket as sockets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres
from tests.conftest import NewDatabase
from tests.people import Person, data, register
from tests.server import Server
from tests.socket_clients import JsDriver
from tests.waiting import eventually


def lines(server: Server, **fields: Any) -> list[dict[str, Any]]:
    """The log entries with this event."""
    said = [json.loads(line) for line in server.log.splitlines()]
    return [line for line in said if line.items() >= fields.items()]


@pytest.mark.parametrize("given", ["b7ad6b7169203331", "Root=1-67891233-abcdef012345678912345678", "a" * 100])
def test_request_id_is_kept(server: Server, given: str) -> None:
    response = requests.get(f"{server.url}/api/v1/users/me", headers={"X-Request-ID": given}, timeout=20)
    assert response.headers["X-Request-ID"] == given
    assert "X-Request-ID" not in response.json()
    (line,) = lines(server, request_id=given)
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "GET", "/api/v1/users/me", 401)
    assert line["level"] == "info"
    assert line["address"] == "127.0.0.1"
    assert 0 < line["ms"] < 10_000


@pytest.mark.parametrize("given", ["", "a b", "a" * 101, '"quoted"', "{}", "ünïcode".encode().decode("latin-1")])
def test_an_odd_id_is_replaced(server: Server, given: str) -> None:
    response = requests.get(f"{server.url}/api/v1/users/me", headers={"X-Request-ID": given}, timeout=20)
    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["X-Request-ID"])
    assert lines(server, request_id=response.headers["X-Request-ID"])


def test_a_request_names_its_user(server: Server, alice: Person) -> None:
    id = alice.get("/users/me").headers["X-Request-ID"]
    assert lines(server, request_id=id)[0]["user_id"] == alice.id


def test_health_checks_are_not_logged(server: Server) -> None:
    id = requests.get(f"{server.url}/healthz", timeout=20).headers["X-Request-ID"]
    assert lines(server, request_id=id) == []


def test_socket_connects_and_disconnects_are_logged(server: Server, js_driver: JsDriver, alice: Person) -> None:
    socket = js_driver.connect(alice.url, alice.token)
    socket.disconnect()
    opened = lines(server, user_id=alice.id, event="socket_connected")
    eventually(lambda: bool(lines(server, user_id=alice.id, event="socket_disconnected")), 10)
    closed = lines(server, user_id=alice.id, event="socket_disconnected")
    assert len(opened) == len(closed) == 1
    assert opened[0]["socket_id"] == closed[0]["socket_id"]
    assert closed[0]["reason"]


def test_disconnect_by_the_server_is_logged_with_its_reason(server: Server, js_driver: JsDriver, alice: Person) -> None:
    socket = js_driver.connect(alice.url, alice.token)
    alice.post("/auth/logout")
    socket.wait_disconnect()
    (closed,) = lines(server, user_id=alice.id, event="socket_disconnected")
    assert closed["reason"] == "session ended"
    # So the request is known.
    assert lines(server, request_id=closed["request_id"], event="request")[0]["route"] == "/api/v1/auth/logout"


@pytest.fixture
def frank(new_database: NewDatabase, tmp_path: Path) -> Iterator[Server]:
    """A server with the most verbose log, on its own database."""
    with Server(new_database("chat_logs"), tmp_path, LOG_LEVEL="DEBUG", DATABASE_POOL_SIZE="3") as server:
        yield server


def test_no_secret_and_no_message_is_ever_logged(
    frank: Server, js_driver: JsDriver, postgres: EmbeddedPostgres
) -> None:
    password, said = f"Aa1{secrets.token_hex(8)}", f"private {secrets.token_hex(8)}"
    alice, bob = register(frank.url, "alice", password), register(frank.url, "bob", password)
    hidden = {password, said, alice.token, alice.refresh_token, bob.token, bob.refresh_token}
    chat_id = alice.direct_chat(bob)
    socket = js_driver.connect(alice.url, alice.token)
    api = f"{frank.url}/api/v1"

    def everything() -> None:
        """Valid and invalid requests of users."""
        for body in ({"username": alice.name, "password": password}, {"username": said, "password": password}):
            requests.post(f"{api}/auth/login", json=body, timeout=20)
        requests.post(f"{api}/auth/login", data=f'{{"password": "{password}"', timeout=20)
        requests.post(f"{api}/auth/register", json={"email": alice.email, "password": password}, timeout=20)
        requests.post(f"{api}/auth/refresh", json={"refreshToken": bob.refresh_token, "x": said}, timeout=20)
        requests.get(f"{api}/{said}?token={alice.token}", timeout=20)
        requests.get(f"{api}/users/me", headers={"Authorization": f"Bearer {alice.token}x"}, timeout=20)
        for content in (said, said + "\0", [said], {"text": said}):
            alice.post("/messages", {"chatId": chat_id, "content": content})
            socket.call("message:send", {"chatId": chat_id, "content": content})
        socket.emit("message:send", said)
        socket.emit(said, {"token": alice.token})
        socket.call("auth:renew", {"token": alice.token})
        socket.call("auth:renew", {"token": said})

    everything()
    for request in (
        f"GET /api/v1/users/me?token={alice.token} HTTP/1.1\r\nAuthorization Bearer {alice.token}\r\n\r\n",
        f"GET {said} {alice.token} {password}\r\n\r\n",
        f"POST /api/v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{said}\r\n\r\n",
        f"POST /api/v1/messages HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{said}",
    ):
        with sockets.create_connection(("127.0.0.1", frank.port)) as raw:
            raw.sendall(f"{request}".encode())
            raw.shutdown(sockets.SHUT_WR)
            raw.recv(1000)
    message = alice.send(chat_id, said)
    tokens = data(requests.post(f"{api}/auth/refresh", json={"refreshToken": alice.refresh_token}, timeout=20))
    hidden |= {tokens["accessToken"], tokens["refreshToken"]}
    # A database that refuses rows, and then one that is broken.
    engine = create_engine(postgres.url("chat_logs"))
    with engine.begin() as db:
        db.execute(text("ALTER TABLE messages ADD CONSTRAINT nothing_new CHECK (edited_at IS NULL) NOT VALID"))
    everything()
    alice.patch(f"/messages/{message['id']}", {"content": f"{said}!"})
    socket.call("message:edit", {"messageId": message["id"], "content": f"{said}?"})
    with engine.begin() as db:
        db.execute(text("DROP TABLE messages, refresh_tokens CASCADE"))
    everything()
    engine.dispose()
    log = frank.log
    assert log.count("nothing_new") >= 2
    assert "UndefinedTable" in log
    leaked = [secret for secret in hidden if secret.split()[-1] in log]
    assert not leaked, [line for line in log.splitlines() if any(secret in line for secret in leaked)][:3]
    for line in log.splitlines():
        assert json.loads(line)["event"]


def test_words_of_a_search_are_not_in_the_log_of_the_database(
    server: Server, alice: Person, engine: Engine, postgres: EmbeddedPostgres
) -> None:
    word = f"word{secrets.token_hex(8)}"
    alice.send(alice.group(), "hello")
    with engine.begin() as db:
        # A search that takes too long is cancelled.
        db.execute(text("LOCK TABLE message_words"))
        alice.get("/search/messages", q=word)
    log = "".join(file.read_text(errors="replace") for file in postgres.folder.glob("postgres.log*"))
    assert "canceling statement" in log
    assert word not in log


def test_pages_of_other_origins_may_read_the_id(server: Server) -> None:
    response = requests.get(f"{server.url}/api/v1/users/me", headers={"Origin": "https://app.example.com"}, timeout=20)
    assert {"X-Request-ID", "Retry-After"} <= set(response.headers["Access-Control-Expose-Headers"].split(", "))
