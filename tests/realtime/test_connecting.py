"""Connecting: authentication, transports, and the end of sessions."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests

from tests.conftest import Connect, both_clients
from tests.people import PASSWORD, Person, data
from tests.server import Server
from tests.socket_clients import ConnectError
from tests.waiting import eventually

POLLING = "EIO=4&transport=polling"


@both_clients
@pytest.mark.parametrize("transports", [None, ["polling"], ["websocket"]])
def test_every_transport_connects_and_carries_events_both_ways(
    alice: Person, bob: Person, connect: Connect, transports: list[str] | None
) -> None:
    chat = alice.direct_chat(bob)
    one, other = connect(alice, transports=transports), connect(bob, transports=transports)
    if transports is None:
        one.wait_upgrade()
    ack = one.call("message:send", {"chatId": chat, "content": "Hello"})
    assert ack["ok"] is True
    assert other.wait_for("message:new")["id"] == ack["data"]["id"]


@both_clients
@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", 7, {"a": 1}, "x" * 10_000])
def test_invalid_token_refuses_the_connection_with_a_problem(alice: Person, connect: Connect, token: Any) -> None:
    with pytest.raises(ConnectError) as error:
        connect(alice, token=token)
    assert error.value.data["code"] == "token_invalid"
    assert error.value.data["status"] == 401


def test_a_forged_token_refuses_the_connection(alice: Person, connect: Connect) -> None:
    claims = jwt.decode(alice.token, options={"verify_signature": False})
    for forged in (
        jwt.encode(claims, "another secret of thirty-two chars", algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
    ):
        with pytest.raises(ConnectError) as error:
            connect(alice, token=forged)
        assert error.value.data["code"] == "token_invalid"


def test_the_token_of_an_ended_session_opens_no_socket(alice: Person, connect: Connect) -> None:
    alice.post("/auth/logout")
    with pytest.raises(ConnectError) as error:
        connect(alice)
    assert error.value.data["code"] == "token_invalid"


@both_clients
def test_logging_out_closes_that_sessions_sockets_within_a_second(
    server: Server, alice: Person, connect: Connect
) -> None:
    login = requests.post(f"{server.url}/api/v1/auth/login", json={"email": alice.email, "password": PASSWORD})
    elsewhere = connect(Person(server.url, data(login)))
    here = [connect(alice, transports=[transport]) for transport in ("polling", "websocket")]
    began = time.monotonic()
    alice.post("/auth/logout")
    for socket in here:
        assert socket.wait_disconnect() == "io server disconnect"
    assert time.monotonic() - began < 1
    elsewhere.flush()
    assert elsewhere.connected


def test_a_reused_refresh_token_closes_the_sessions_sockets(server: Server, alice: Person, connect: Connect) -> None:
    socket = connect(alice, transports=["websocket"])
    token = alice.refresh_token
    for _ in range(2):
        response = requests.post(f"{server.url}/api/v1/auth/refresh", json={"refreshToken": token}, timeout=20)
        token = data(response)["refreshToken"]
    reused = requests.post(f"{server.url}/api/v1/auth/refresh", json={"refreshToken": alice.refresh_token}, timeout=20)
    assert reused.json()["code"] == "refresh_reused"
    assert socket.wait_disconnect(1) == "io server disconnect"


def test_poll_of_an_ended_session_is_not_logged_as_error(server: Server) -> None:
    query = {"EIO": "4", "transport": "polling", "sid": "nobody"}
    assert requests.get(f"{server.url}/socket.io/", params=query, timeout=20).status_code == 400
    assert "nobody" not in server.log


def test_connected_socket_misses_no_event(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    for number in range(1, 11):
        socket = connect(bob, transports=["websocket"])
        sent = alice.send(chat, str(number))
        assert socket.wait_for("message:new", timeout=5)["seq"] == sent["seq"] == number
        socket.disconnect()


def test_disconnect_during_connect_is_cleaned_up(server: Server, alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    for _ in range(10):
        hello = requests.get(f"{server.url}/socket.io/?{POLLING}", timeout=20).text
        session = f"{server.url}/socket.io/?{POLLING}&sid={json.loads(hello[1:])['sid']}"
        connect_packet = f"40/chat,{json.dumps({'token': bob.token})}"
        with ThreadPoolExecutor(2) as both:
            # Engine.IO's own close, which overtakes the database query of the CONNECT.
            responses = list(both.map(requests.post, [session] * 2, [connect_packet, "1"]))
        assert {response.status_code for response in responses} <= {200, 400}
    listener = connect(alice)
    eventually(lambda: not data(alice.get(f"/users/{bob.name}"))["isOnline"], 10)
    sent = alice.send(chat, "Hello?")
    assert listener.wait_for("message:new")["seq"] == sent["seq"]
