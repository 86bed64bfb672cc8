"""Limits of open connections and handshakes of unauthenticated clients, per address."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest
import requests

from tests.edited import EditedServer
from tests.fuzz.raw_clients import PATH, RawWebSocket, frame
from tests.people import Person, register
from tests.server import Server
from tests.waiting import eventually

MAX_OPEN = 20
HANDSHAKES = 30
# Long enough for all handshakes of a test to fall into one window.
WINDOW = 60
LIMITS = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_REGISTER": "1000/60s",
    "RATELIMIT_GLOBAL": "100000/60s",
    "RATELIMIT_LOGIN": "1000/60s",
    "RATELIMIT_EVENTS": "20/10m",
    "MAX_UNAUTHENTICATED": str(MAX_OPEN),
}
SHORT = """
from chatapp.server import connections
connections.BODY_TIMEOUT = connections.SEND_TIMEOUT = 1.0
connections.HEAD_TIMEOUT = 8.0
connections.SEND_BYTES_PER_SECOND = 1024 * 1024
"""


@pytest.fixture(scope="module")
def bounded(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers that gives up late requests after one to eight seconds."""
    changes = LIMITS | {"WEB_CONCURRENCY": "2", "RATELIMIT_HANDSHAKES": "1000/10s"}
    with EditedServer(database_url, tmp_path_factory.mktemp("bounded"), SHORT, **changes) as server:
        yield server
    assert not [line for line in server.errors_in_log() if "SIGKILL" not in line]


@pytest.fixture(scope="module")
def proxied(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind one proxy, which each test simulates."""
    changes = LIMITS | {"TRUSTED_PROXIES": "1", "RATELIMIT_HANDSHAKES": f"{HANDSHAKES}/{WINDOW}s"}
    with Server(database_url, tmp_path_factory.mktemp("proxied"), **changes) as server:
        yield server
    assert not server.errors_in_log()


@pytest.fixture
def person(bounded: Server) -> Person:
    return register(bounded.url)


class Plain:
    """A connection from an address of this machine, written byte by byte."""

    def __init__(self, server: Server, address: str, written: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), 20, (address, 0))
        self.socket.sendall(written.encode())

    def __enter__(self) -> "Plain":
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def read(self) -> str:
        """All data until the server ends the connection."""
        received = b""
        try:
            while more := self.socket.recv(65536):
                received += more
        except ConnectionResetError:
            pass
        return received.decode()


def get(path: str, *headers: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: chat", *headers, "", ""])


def post(path: str, length: int, *headers: str) -> str:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: chat", f"Content-Length: {length}", *headers, "", ""])


def asks(server: Server, address: str) -> bool:
    """Whether a new connection from this address gets its response."""
    with Plain(server, address, get("/healthz", "Connection: close")) as one:
        return one.read().startswith("HTTP/1.1 200 ")


def opens_socket(server: Server, address: str) -> bool:
    """Whether a new WebSocket from this address is admitted."""
    with RawWebSocket(server.url, address=address) as one:
        return one.status == 101


def test_connections_per_address_are_limited_over_all_workers(bounded: Server) -> None:
    with ExitStack() as stack:
        # Each sends the beginning of a head, and is open until the deadline of the head.
        for _ in range(MAX_OPEN):
            stack.enter_context(Plain(bounded, "127.0.0.2", "GET / HT"))
        with Plain(bounded, "127.0.0.2") as refused:
            assert refused.read().startswith("HTTP/1.1 429 ")
        assert asks(bounded, "127.0.0.3")
    # The workers notice the end of the others one by one.
    eventually(lambda: asks(bounded, "127.0.0.2"), 20)


def test_connections_with_a_token_do_not_count(bounded: Server, person: Person) -> None:
    authorization = f"Authorization: Bearer {person.token}"
    with ExitStack() as stack:
        for _ in range(MAX_OPEN + 5):
            one = stack.enter_context(Plain(bounded, "127.0.0.4", get("/api/v1/users/me", authorization)))
            assert one.socket.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_sockets_count_until_they_present_a_token(bounded: Server, person: Person) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(RawWebSocket(bounded.url, address="127.0.0.5")) for _ in range(MAX_OPEN)]
        with RawWebSocket(bounded.url, address="127.0.0.5") as refused:
            assert refused.status == 429
        sockets[0].join(person.token)
        assert opens_socket(bounded, "127.0.0.5")


def test_connections_of_a_killed_worker_do_not_count(bounded: Server) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_OPEN):
            stack.enter_context(RawWebSocket(bounded.url, address="127.0.0.6"))
        for worker in psutil.Process(bounded.pid).children():
            os.kill(worker.pid, signal.SIGKILL)
        # Clients that connect meanwhile wait for the next worker.
        assert requests.get(f"{bounded.url}/healthz", timeout=90).ok
        # The next worker to start may be the one that finds the second end.
        eventually(lambda: opens_socket(bounded, "127.0.0.6"), 20)


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/messages/upload"])
def test_body_times_out(bounded: Server, person: Person, path: str) -> None:
    headers = ("Content-Type: multipart/form-data; boundary=x", f"Authorization: Bearer {person.token}")
    with Plain(bounded, "127.0.0.7", post(path, 1000, *headers) + "--x\r\n") as late:
        response = late.read()
        assert response.startswith("HTTP/1.1 408 ")
        assert '"code":"request_timeout"' in response


def test_body_timeout_of_a_poll_ends_the_session(bounded: Server) -> None:
    opened = requests.get(f"{bounded.url}{PATH}polling", timeout=20).text
    path = f"{PATH}polling&sid={json.loads(opened[1:])['sid']}"
    with Plain(bounded, "127.0.0.7", post(path, 1000) + "4") as late:
        assert late.read().startswith("HTTP/1.1 400 ")
    assert requests.get(f"{bounded.url}{path}", timeout=20).status_code == 400


@pytest.mark.parametrize("written", ["", "GET / HTTP/1.1\r\nHost: "])
def test_head_times_out(bounded: Server, written: str) -> None:
    with Plain(bounded, "127.0.0.8", written) as late:
        assert late.read() == ""


def test_unread_response_times_out(bounded: Server) -> None:
    asked = 100
    with Plain(bounded, "127.0.0.8", get("/api/v1/openapi.json") * asked) as stalled:
        worker = psutil.Process(bounded.pid).children

        def is_open() -> bool:
            own = stalled.socket.getsockname()
            return any(
                c.raddr == own and c.status == psutil.CONN_ESTABLISHED
                for one in worker()
                for c in one.net_connections("tcp")
            )

        eventually(lambda: not is_open(), 20)
        assert 0 < stalled.read().count("HTTP/1.1 200 ") < asked


def test_handshakes_are_limited_per_client_behind_a_proxy(proxied: Server) -> None:
    def handshake(address: str) -> requests.Response:
        headers = {"X-Forwarded-For": address, "Origin": "http://elsewhere.example"}
        return requests.get(f"{proxied.url}{PATH}polling", headers=headers, timeout=20)

    # One client: addresses of one IPv6 /64.
    statuses = []
    for number in range(HANDSHAKES):
        response = handshake(f"2001:db8::{number:x}")
        statuses.append(response.status_code)
        # So that its session no longer counts.
        sid = json.loads(response.text[1:])["sid"]
        requests.post(f"{proxied.url}{PATH}polling&sid={sid}", "1", timeout=20)
    assert statuses == [200] * HANDSHAKES
    refused = handshake("2001:db8::ffff")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= WINDOW
    assert refused.headers["Access-Control-Allow-Origin"] == "http://elsewhere.example"
    assert handshake("203.0.113.9").status_code == 200


def test_requests_behind_a_proxy_count_while_served(proxied: Server) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_OPEN):
            head = post("/api/v1/auth/login", 100, "X-Forwarded-For: 203.0.113.7", "Content-Type: application/json")
            stack.enter_context(Plain(proxied, "127.0.0.1", head))

        def ask(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            return requests.get(f"{proxied.url}/api/v1/openapi.json", headers=headers, timeout=20).status_code

        deadline = time.monotonic() + 20
        while (status := ask("203.0.113.7")) != 429:
            assert time.monotonic() < deadline, status
        assert ask("203.0.113.8") == 200


def test_repeated_reconnects_of_a_user_are_limited(bounded: Server, person: Person) -> None:
    def connect() -> str:
        with RawWebSocket(bounded.url) as one:
            one.write(frame(f'40/chat,{{"token":"{person.token}"}}'))
            return one.until(("40/chat,", "44/chat,"))[-1]

    # Without Redis each of the two workers counts for itself.
    assert any('"code":"rate_limited"' in connect() for _ in range(41))


def test_the_connection_of_a_refused_socket_is_closed(bounded: Server) -> None:
    with RawWebSocket(bounded.url) as one:
        one.write(frame('40/chat,{"token":"x"}'))
        assert '"code":"token_invalid"' in one.until("44/chat,")[-1]
        one.end()


def test_unauthenticated_messages_are_limited_to_64_kib(bounded: Server, person: Person) -> None:
    large = frame("4" + "x" * 64 * 1024)
    with RawWebSocket(bounded.url) as one:
        one.write(large)
        # A server that has stopped reading may reset the connection before its close frame is read.
        assert one.end() in (1009, None)
    with RawWebSocket(bounded.url) as one:
        one.join(person.token).write(large)
        assert '"code":"malformed_packet"' in one.text()
