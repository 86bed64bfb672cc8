"""Headers of every response: of every route, of errors and of sockets."""

import re
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from tests.forked import run_flask
from tests.people import Person
from tests.server import Server, environment

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
POLLING = "/socket.io/?EIO=4&transport=polling"
OUTSIDE = ("/", "/nothing/here", "//docs", "/docs", "/%00", "/docs/index.html", "/docs/oauth2-redirect.html")
SOCKETS = (POLLING, f"{POLLING}&sid=unknown", "/socket.io/?EIO=3&transport=polling", "/socket.io/", "/socket.io/x.js")


def routes(database_url: str, folder: Path) -> list[str]:
    """A path for each rule of the application."""
    done = run_flask(["routes"], environment(database_url, folder))
    assert done.returncode == 0, done.stderr
    rules = re.findall(r"(/\S*) *$", done.stdout, re.MULTILINE)
    assert len(rules) > 30
    filled = (re.sub(r"<uuid:\w+>", str(uuid.uuid4()), rule) for rule in rules)
    return [re.sub(r"<[^>]+>", "some.thing", rule) for rule in filled]


def missing_or_wrong(headers: Mapping[str, str]) -> list[str]:
    """Headers that are missing or wrong in a response."""
    kind = headers.get("Content-Type", "").partition(";")[0]
    policy = headers.get("Content-Security-Policy", "")
    promises = {
        "nosniff": headers.get("X-Content-Type-Options") == "nosniff",
        "Vary": "Origin" in re.split(", *", headers.get("Vary", "")),
        # The capabilities of a server are public.
        "no-store": "json" not in kind or headers.get("Cache-Control") in ("no-store", "public, max-age=60"),
        "frames": kind != "text/html" or ("frame-ancestors 'none'" in policy and headers["X-Frame-Options"] == "DENY"),
        "policy": kind != "text/html" or "default-src 'none'" in policy,
        "scripts": not re.search("script-src[^;]*(unsafe|http|[*])", policy),
    }
    return [name for name, kept in promises.items() if not kept]


def test_every_response_has_security_headers(server: Server, alice: Person, database_url: str, tmp_path: Path) -> None:
    seen = set()
    http = requests.Session()
    http.trust_env = False
    # Log out last: it ends the session of the token.
    for path in sorted([*routes(database_url, tmp_path), *OUTSIDE, *SOCKETS], key=lambda path: "logout" in path):
        for method in METHODS:
            for headers in ({}, {"Authorization": f"Bearer {alice.token}"}, {"Origin": "https://app.example.com"}):
                response = http.request(method, server.url + path, headers=headers, timeout=20, allow_redirects=False)
                seen.add(response.status_code)
                assert not missing_or_wrong(response.headers), (
                    method,
                    path,
                    response.status_code,
                    dict(response.headers),
                )
                assert response.headers.get("Location", "/")[:1] == "/", path
    assert {200, 308, 400, 401, 404, 405, 415, 422} <= seen


@pytest.mark.parametrize("host", ["evil.example", "evil.example:1", "user@evil.example", "/evil.example"])
@pytest.mark.parametrize("path", ["/docs", "//docs", "/docs?next=//evil.example", "///docs//"])
def test_redirects_contain_no_host(server: Server, host: str, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head = client.makefile("rb").read().partition(b"\r\n\r\n")[0].decode()
    location = re.search(r"^Location: (.*)$", head, re.MULTILINE | re.IGNORECASE)
    assert re.match(r"HTTP/1.1 (308|400|404) ", head), head
    if location:
        assert re.match(r"/[a-z]", location[1]), head


def test_docs_page_ignores_the_host_header(server: Server) -> None:
    response = requests.get(f"{server.url}/docs/", headers={"Host": "evil.example"}, timeout=20)
    assert response.ok
    assert "evil.example" not in response.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ],
)
def test_responses_to_unparsable_requests_have_security_headers(server: Server, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(sent)
        head = client.makefile("rb").read().partition(b"\r\n\r\n")[0].decode()
    first, *lines = head.split("\r\n")
    assert 400 <= int(first.split()[1]) < 500, status
    assert not missing_or_wrong(dict(line.split(": ", 1) for line in lines)), head
