"""Which requests count as handshakes or as unauthenticated, and the response to a refused client."""

import json
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.core.settings import Rate
from chatapp.server.admission import SharedCounters
from chatapp.server.transfer import session_of
from chatapp.server.worker import _refuse
from chatapp.sockets.unauthenticated import UnauthenticatedClients

HANDSHAKE = "EIO=4&transport=polling"


@pytest.fixture
def clients() -> UnauthenticatedClients:
    """Around an application that always returns 200; two handshakes are allowed."""

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    settings: Any = SimpleNamespace(
        ratelimit_enabled=True, max_unauthenticated=100, rate_handshakes=Rate(2, 60), trusted_proxies=0
    )
    no_tokens: Any = None
    clients = UnauthenticatedClients(application, settings, no_tokens)
    counters = SharedCounters()
    clients.count_with(counters, counters.take())
    return clients


def statuses(clients: UnauthenticatedClients, query: str, count: int) -> Iterator[str]:
    for _ in range(count):
        started: list[str] = []
        environ = {
            "PATH_INFO": "/socket.io/",
            "QUERY_STRING": query,
            "REQUEST_METHOD": "GET",
            "REMOTE_ADDR": "192.0.2.1",
        }
        list(clients(environ, lambda status, _headers, _error=None, s=started: s.append(status)))
        yield started[0][:3]


@pytest.mark.parametrize("query", [HANDSHAKE, f"{HANDSHAKE}&sid=", f"sid=&{HANDSHAKE}", f"{HANDSHAKE}&sid", ""])
def test_request_without_session_is_a_handshake(clients: UnauthenticatedClients, query: str) -> None:
    assert list(statuses(clients, query, 3)) == ["200", "200", "429"]


def test_request_with_session_is_no_handshake(clients: UnauthenticatedClients) -> None:
    assert set(statuses(clients, f"{HANDSHAKE}&sid=0123abcd.x", 5)) == {"200"}
    assert session_of({"QUERY_STRING": "sid=&sid=0123abcd.x&t=1"}) == "0123abcd.x"


def test_a_connection_counts_until_a_request_with_a_token_begins(
    clients: UnauthenticatedClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = {"open"}
    counted: list[bool] = []
    connection = SimpleNamespace(held=True)
    connection.authenticated = lambda: setattr(connection, "held", None)

    def application(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        counted.append(bool(connection.held))
        sockets.update(environ.get("opens", ()))
        return []

    monkeypatch.setattr("chatapp.sockets.unauthenticated.rooms", lambda: sockets)
    monkeypatch.setattr(clients, "_application", application)

    def request(session: str, **environ: object) -> None:
        clients(
            {"PATH_INFO": "/socket.io/", "QUERY_STRING": f"sid={session}", "gunicorn.socket": connection, **environ},
            None,
        )

    request("other")
    assert connection.held
    request("new", opens=["new"])
    assert not connection.held
    connection.held = True
    request("open")
    assert counted == [True, True, False]


def test_refused_connection_has_rate_limit_headers() -> None:
    server, client = socket.socketpair()
    with server, client:
        _refuse(server, 200)
        head, _, body = client.recv(65536).decode().partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    assert status == "HTTP/1.1 429 Too Many Requests"
    assert {"Retry-After: 2", "RateLimit-Limit: 200", "Connection: close", f"Content-Length: {len(body)}"} <= set(
        fields
    )
    assert (json.loads(body)["code"], json.loads(body)["retryAfter"]) == ("rate_limited", 2)
