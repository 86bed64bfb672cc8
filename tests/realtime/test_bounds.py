"""Limits of a client: time, bytes, events."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

import jwt
import pytest
import requests
import websocket
from sqlalchemy import Engine, text

from tests.conftest import Connect
from tests.people import Person, data, register
from tests.server import Server
from tests.socket_clients import ConnectError, JsDriver, PyClient

QUERY = "EIO=4&transport=websocket"


@pytest.fixture(scope="module")
def hasty(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose access tokens last five seconds."""
    with Server(database_url, tmp_path_factory.mktemp("hasty"), JWT_ACCESS_EXPIRES_IN="5s") as server:
        yield server


@pytest.fixture(scope="module")
def counting(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that counts sockets and events."""
    changes = {"RATELIMIT_ENABLED": "true", "RATELIMIT_REGISTER": "1000/60s"}
    with Server(database_url, tmp_path_factory.mktemp("counting"), **changes) as server:
        yield server


def open_websocket(server: Server) -> websocket.WebSocket:
    return websocket.create_connection(f"{server.url.replace('http', 'ws')}/socket.io/?{QUERY}", timeout=40)


def read_to_the_end(connection: websocket.WebSocket) -> int:
    """The number of characters that arrive until the server ends the connection."""
    received = 0
    try:
        while frame := connection.recv():
            received += len(frame)
    except (websocket.WebSocketConnectionClosedException, ConnectionError):
        pass
    return received


def test_unauthenticated_connections_are_closed(server: Server) -> None:
    began = time.monotonic()
    connections = [open_websocket(server) for _ in range(3)]
    for connection in connections:
        assert str(connection.recv()).startswith("0")
        read_to_the_end(connection)
    assert 9 < time.monotonic() - began < 40


def test_authenticating_connections_may_wait_for_a_slow_server(
    alice: Person, js_driver: JsDriver, engine: Engine
) -> None:
    with engine.begin() as db:
        db.execute(text("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"))
        one = js_driver.connect(alice.url, alice.token, wait=False)
        time.sleep(12)
        assert not one.connected
    one.wait_connected()
    one.flush()
    one.disconnect()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize("character", ["x", "\u20ac"])
def test_payload_over_64_kib_is_refused(
    alice: Person, bob: Person, connect: Connect, transport: str, character: str
) -> None:
    chat = alice.direct_chat(bob)
    fat, reader = connect(alice, transports=[transport]), connect(bob)
    # The limit applies to bytes.
    payload = {"chatId": chat, "content": character * (70_000 // len(character.encode()))}
    problem = fat.call("message:send", payload)["error"]
    assert (problem["code"], problem["status"]) == ("payload_too_large", 413)
    fat.emit("message:send", payload)
    assert fat.wait_for("exception") == problem
    assert fat.call("message:send", {"chatId": chat, "content": "small"})["ok"] is True
    assert reader.wait_for("message:new")["content"] == "small"
    assert reader.received("exception") == []


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_message_over_the_frame_limit_ends_the_connection(
    alice: Person, bob: Person, connect: Connect, transport: str
) -> None:
    chat = alice.direct_chat(bob)
    fat, reader = connect(alice, transports=[transport]), connect(bob)
    fat.emit("message:send", {"chatId": chat, "content": "x" * 300_000})
    fat.wait_disconnect()
    alice.send(chat, "small")
    assert reader.wait_for("message:new")["content"] == "small"


def test_events_are_limited_to_60_per_10_seconds(counting: Server, connect: Connect) -> None:
    one = connect(register(counting.url))
    # All at once: they belong to one window.
    with ThreadPoolExecutor(61) as pool:
        acks = pool.map(lambda _: one.call("typing:stop", {"chatId": "x"}), range(61))
        codes = sorted(ack["error"]["code"] for ack in acks)
    assert codes == ["rate_limited"] + ["validation_error"] * 60
    refused = one.call("message:send", {})["error"]
    assert 1 <= refused["retryAfter"] <= 11
    assert one.connected


def test_sockets_are_limited_to_20_per_user(counting: Server, connect: Connect) -> None:
    person = register(counting.url)
    sockets = [connect(person, transports=["websocket"]) for _ in range(20)]
    with pytest.raises(ConnectError) as refusal:
        connect(person, transports=["websocket"])
    assert (refusal.value.data["code"], refusal.value.data["status"]) == ("rate_limited", 429)
    assert refusal.value.data["retryAfter"] > 0
    sockets[0].disconnect()
    connect(person, transports=["websocket"]).flush()


def test_a_token_is_renewed_on_the_open_socket(alice: Person, connect: Connect) -> None:
    one = connect(alice)
    fresh = requests.post(f"{alice.url}/api/v1/auth/refresh", json={"refreshToken": alice.refresh_token}, timeout=20)
    ack = one.call("auth:renew", {"token": data(fresh)["accessToken"]})
    assert ack["ok"] is True
    assert 600 < ack["data"]["expiresIn"] <= 900


@pytest.mark.parametrize("token", ["", "x", None, 7])
def test_a_bad_token_renews_nothing(alice: Person, connect: Connect, token: object) -> None:
    ack = connect(alice).call("auth:renew", {"token": token})
    assert ack["error"]["code"] in ("token_invalid", "validation_error")


def test_token_of_another_user_renews_nothing(alice: Person, bob: Person, connect: Connect) -> None:
    assert connect(alice).call("auth:renew", {"token": bob.token})["error"]["code"] == "token_invalid"


def test_an_expired_token_ends_an_open_socket_within_a_minute(hasty: Server, js_driver: JsDriver) -> None:
    person = register(hasty.url)
    # Both clients at once, since the wait is long.
    js = js_driver.connect(person.url, person.token, transports=["websocket"])
    python = PyClient.connect(person.url, person.token, transports=["websocket"])
    expires_at = jwt.decode(person.token, options={"verify_signature": False})["exp"]
    for one in (js, python):
        assert one.wait_disconnect(timeout=100) == "io server disconnect"
        # A busy machine may need some seconds more.
        assert 0 < time.time() - expires_at <= 75


def test_a_client_that_does_not_read_is_dropped_and_others_are_not(
    server: Server, alice: Person, bob: Person, connect: Connect
) -> None:
    chat = alice.direct_chat(bob)
    where = urlparse(server.url)
    stalled = socket.socket()
    # Before it connects, so that the buffers of the client's machine count from the start.
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.settimeout(20)
    stalled.connect((where.hostname, where.port))
    connection = websocket.create_connection(
        f"{server.url.replace('http', 'ws')}/socket.io/?{QUERY}", socket=stalled, timeout=20
    )
    connection.send(f'40/chat,{{"token":"{bob.token}"}}')
    sender, reader = connect(alice), connect(bob)
    # Three bytes per character, so that fewer messages are enough.
    amount, characters = 500, 3900
    for number in range(amount):
        sender.emit("message:send", {"chatId": chat, "content": f"{number} " + "\u20ac" * characters})
        if number % 100 == 99:
            sender.flush()
            assert reader.wait_for("message:new")["chatId"] == chat
    reader.wait_for("message:new", lambda message: message["seq"] == amount, timeout=30)
    reader.disconnect()
    # Data that was already sent arrives first, then the end.
    assert read_to_the_end(connection) < amount * characters
    assert data(bob.get("/users/me"))["id"] == bob.id
