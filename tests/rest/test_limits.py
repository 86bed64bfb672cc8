"""Limits, exactly as the contract has them by default."""

import secrets
from collections.abc import Iterator

import pytest
import requests

from tests.people import PASSWORD, Person, data, problem, register
from tests.server import Server


@pytest.fixture
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that counts, from nothing."""
    with Server(database_url, tmp_path_factory.mktemp("limited"), RATELIMIT_ENABLED="true") as server:
        yield server


def attempt(server: Server, path: str, headers: dict[str, str] | None = None) -> requests.Response:
    name = secrets.token_hex(4)
    body = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    if path == "/login":
        del body["username"]
    return requests.post(f"{server.url}/api/v1/auth{path}", json=body, headers=headers, timeout=20)


@pytest.mark.parametrize(("path", "allowed", "status"), [("/register", 5, 201), ("/login", 10, 401)])
def test_accounts_are_limited_for_each_address(limited: Server, path: str, allowed: int, status: int) -> None:
    answers = [attempt(limited, path, {"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(allowed + 1)]
    assert [answer.status_code for answer in answers] == [status] * allowed + [429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers[:-1]] == [
        str(left) for left in reversed(range(allowed))
    ]
    refused = answers[-1]
    assert problem(refused) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) == refused.json()["retryAfter"] <= 60
    assert refused.headers["RateLimit-Limit"] == str(allowed)


def test_everybody_has_a_hundred_requests_a_minute_of_their_own(limited: Server) -> None:
    alice, bob = register(limited.url, "alice"), register(limited.url, "bob")
    answers = [alice.get("/users/me").status_code for _ in range(101)]
    assert answers == [200] * 100 + [429]
    assert bob.get("/users/me").ok
    assert requests.get(f"{limited.url}/healthz", timeout=20).ok


def test_failed_logins_are_limited_for_each_account(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, alice: Person
) -> None:
    folder = tmp_path_factory.mktemp("failures")
    with Server(database_url, folder, RATELIMIT_ENABLED="true", RATELIMIT_LOGIN="1000/60s") as server:

        def log_in(password: str, **who: str) -> tuple[int, str]:
            body = who | {"password": password}
            answer = requests.post(f"{server.url}/api/v1/auth/login", json=body, timeout=20)
            return (200, "") if answer.ok else problem(answer)

        for who in ({"email": alice.email}, {"email": "nobody@example.org"}):
            answers = [log_in("Wrong4Horse", **who) for _ in range(21)]
            assert answers == [(401, "invalid_credentials")] * 20 + [(429, "rate_limited")]
        assert log_in(PASSWORD, username=alice.name) == (429, "rate_limited")
        body = {"username": alice.name, "password": PASSWORD}
        refused = requests.post(f"{server.url}/api/v1/auth/login", json=body, timeout=20)
        seconds = refused.headers["Retry-After"]
        assert 840 < int(seconds) == refused.json()["retryAfter"] <= 900
        told = [refused.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
        assert told == ["20", "0", seconds]


def test_only_trusted_proxies_say_who_calls(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Server(
        database_url, tmp_path_factory.mktemp("proxied"), RATELIMIT_ENABLED="true", TRUSTED_PROXIES="1"
    ) as server:
        # The proxy appends the address it saw: whatever stands before that is the client's own claim.
        answers = [attempt(server, "/register", {"X-Forwarded-For": f"10.9.9.{n}, 10.0.0.1"}) for n in range(6)]
        assert [answer.status_code for answer in answers] == [201] * 5 + [429]
        assert data(attempt(server, "/register", {"X-Forwarded-For": "10.0.0.2"}))["user"]
        # Spellings of one address, with and without a port, and the addresses of one IPv6 /64.
        for spellings in (
            ("203.0.113.6:50000", "203.0.113.6:50001", "203.0.113.6", "::ffff:203.0.113.6", "[::FFFF:cb00:7106]:5"),
            ("2001:db8::1", "2001:DB8::1", "[2001:db8::1]:50000", "2001:db8:0:0:ffff::2", "2001:db8::3"),
        ):
            answers = [attempt(server, "/register", {"X-Forwarded-For": text}) for text in (*spellings, spellings[0])]
            assert [answer.status_code for answer in answers] == [201] * 5 + [429]
        assert '"address": "2001:db8::/64"' in server.log
