"""Which pages may call: those of CORS_ORIGIN and of the server's own origin, over sockets as over REST."""

import json
from collections.abc import Iterator

import pytest
import requests

from tests.fuzz.raw_clients import RawWebSocket
from tests.people import Person, problem, register
from tests.server import Server

OURS = ("https://app.example.com", "https://admin.example.com:8443")
THEIRS = (
    "https://evil.example",
    "http://app.example.com",
    "https://app.example.com:444",
    "https://app.example.com.evil.example",
    "https://evil.example/https://app.example.com",
    "https://evilapp.example.com",
    "https://app.example.co",
    "https://app.example.com/",
    "https://app.example.com@evil.example",
    "null",
    "file://",
    "*",
)
POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture(scope="module")
def strict(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that two pages may call."""
    with Server(database_url, tmp_path_factory.mktemp("strict"), CORS_ORIGIN=",".join(OURS)) as server:
        yield server
    assert not server.errors_in_log()


@pytest.fixture(scope="module")
def visitor(strict: Server) -> Person:
    """A logged-in user."""
    return register(strict.url, "visitor")


@pytest.mark.parametrize("origin", OURS)
def test_allowed_pages_open_websockets(strict: Server, visitor: Person, origin: str) -> None:
    with RawWebSocket(strict.url, headers={"Origin": origin}) as socket:
        socket.join(visitor.token).flush()


@pytest.mark.parametrize("origin", THEIRS)
def test_other_pages_open_no_websocket(strict: Server, origin: str) -> None:
    with RawWebSocket(strict.url, headers={"Origin": origin}) as socket:
        assert socket.status == 403


@pytest.mark.parametrize("path", [POLLING, "/api/v1/users/me", "/"])
@pytest.mark.parametrize("origin", THEIRS)
def test_other_pages_get_a_problem(strict: Server, visitor: Person, origin: str, path: str) -> None:
    headers = {"Origin": origin, "Authorization": f"Bearer {visitor.token}"}
    response = requests.get(strict.url + path, headers=headers, timeout=20)
    assert problem(response) == (403, "origin_not_allowed")
    assert response.headers["X-Request-ID"]
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_refused_origin_is_logged_once(strict: Server) -> None:
    for _ in range(3):
        requests.get(strict.url + POLLING, headers={"Origin": "https://logged.example"}, timeout=20)
    (line,) = [json.loads(line) for line in strict.log.splitlines() if "logged.example" in line]
    assert line["event"] == "origin_refused"
    assert (line["own"], line["accepted"]) == (strict.url, sorted(OURS))


def test_the_servers_own_pages_may_call(strict: Server, visitor: Person) -> None:
    headers = {"Origin": strict.url}
    with RawWebSocket(strict.url, headers=headers) as socket:
        socket.join(visitor.token).flush()
    response = requests.get(strict.url + POLLING, headers=headers, timeout=20)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (200, strict.url)
    assert requests.get(f"{strict.url}/api/v1/openapi.json", headers=headers, timeout=20).ok


def test_forwarded_headers_of_untrusted_proxies_are_ignored(strict: Server) -> None:
    spoofed = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    for path in (POLLING, "/api/v1/openapi.json"):
        response = requests.get(strict.url + path, headers=spoofed, timeout=20)
        assert problem(response) == (403, "origin_not_allowed")


def test_other_pages_can_not_use_an_open_session(strict: Server, visitor: Person) -> None:
    opened = requests.get(strict.url + POLLING, headers={"Origin": OURS[0]}, timeout=20)
    assert opened.headers["Access-Control-Allow-Origin"] == OURS[0]
    sid = json.loads(opened.text[1:])["sid"]
    theirs = {"Origin": THEIRS[0]}
    posted = requests.post(
        f"{strict.url}{POLLING}&sid={sid}", f'40/chat,{{"token":"{visitor.token}"}}', headers=theirs, timeout=20
    )
    assert 400 <= posted.status_code < 500
    with RawWebSocket(strict.url, headers=theirs, sid=sid) as socket:
        assert socket.status == 403


def test_clients_other_than_pages_need_no_origin(strict: Server, visitor: Person) -> None:
    with RawWebSocket(strict.url) as socket:
        socket.join(visitor.token).flush()
    assert visitor.get("/users/me").ok


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_responses_are_readable_only_by_allowed_pages(strict: Server, visitor: Person, method: str) -> None:
    requested = {
        "Authorization": f"Bearer {visitor.token}",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    for origin in OURS + THEIRS:
        headers = requested | {"Origin": origin}
        response = requests.request(method, f"{strict.url}/api/v1/users/me", headers=headers, timeout=20)
        assert response.headers.get("Access-Control-Allow-Origin") == (origin if origin in OURS else None)
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_responses_vary_by_origin(strict: Server, visitor: Person) -> None:
    headers = {"Authorization": f"Bearer {visitor.token}", "Origin": OURS[0]}
    response = requests.get(f"{strict.url}/api/v1/users/me", headers=headers, timeout=20)
    assert "Origin" in response.headers["Vary"]


def test_no_response_sets_a_cookie(strict: Server, visitor: Person) -> None:
    """Headers that a browser sends only on request, which a page of another site can't set."""
    account = {"username": visitor.name, "password": "Correct4Horse"}
    responses = [
        requests.post(f"{strict.url}/api/v1/auth/login", json=account, timeout=20),
        visitor.get("/users/me"),
        requests.get(strict.url + POLLING, timeout=20),
        requests.get(f"{strict.url}/docs/", timeout=20),
    ]
    assert all(response.ok and "Set-Cookie" not in response.headers for response in responses)
