"""The default rate limits."""

import secrets
from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import Engine, text

from tests.people import PASSWORD, Person, data, problem, register
from tests.server import Server


@pytest.fixture
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with rate limits and empty counters."""
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
    responses = [attempt(limited, path, {"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(allowed + 1)]
    assert [response.status_code for response in responses] == [status] * allowed + [429]
    assert [response.headers["RateLimit-Remaining"] for response in responses[:-1]] == [
        str(left) for left in reversed(range(allowed))
    ]
    refused = responses[-1]
    assert problem(refused) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) == refused.json()["retryAfter"] <= 60
    assert refused.headers["RateLimit-Limit"] == str(allowed)


def test_each_user_has_100_requests_per_minute(limited: Server) -> None:
    alice, bob = register(limited.url, "alice"), register(limited.url, "bob")
    responses = [alice.get("/users/me").status_code for _ in range(101)]
    assert responses == [200] * 100 + [429]
    assert bob.get("/users/me").ok
    assert requests.get(f"{limited.url}/healthz", timeout=20).ok


def log_in(server: Server, address: str, password: str, **who: str) -> requests.Response:
    """The response to a login from an address."""
    body, headers = who | {"password": password}, {"X-Forwarded-For": address}
    return requests.post(f"{server.url}/api/v1/auth/login", json=body, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def guessed(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server at which passwords are guessed from many addresses; some of them also log in."""
    changes = {"RATELIMIT_ENABLED": "true", "RATELIMIT_LOGIN": "1000/60s", "RATELIMIT_LOGIN_FAILURES_TOTAL": "25/15m"}
    with Server(database_url, tmp_path_factory.mktemp("guessed"), TRUSTED_PROXIES="1", **changes) as server:
        yield server


@pytest.mark.parametrize("known", [True, False])
def test_failed_logins_of_a_name_are_limited_for_each_address(guessed: Server, alice: Person, known: bool) -> None:
    name = alice.name if known else f"no_{secrets.token_hex(4)}"
    responses = [log_in(guessed, "10.1.0.1", "Wrong4Horse", username=name.upper()) for _ in range(10)]
    assert {problem(response) for response in responses} == {(401, "invalid_credentials")}
    refused = log_in(guessed, "10.1.0.1", PASSWORD, username=name)
    assert problem(refused) == (429, "rate_limited")
    seconds = refused.headers["Retry-After"]
    assert 840 < int(seconds) == refused.json()["retryAfter"] <= 900
    assert [refused.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")] == ["10", "0", seconds]
    # Other addresses count the name from zero.
    assert log_in(guessed, "10.1.0.2", PASSWORD, username=name).status_code == (200 if known else 401)


def test_username_and_email_are_limited_separately(guessed: Server, alice: Person) -> None:
    for _ in range(10):
        log_in(guessed, "10.1.1.1", "Wrong4Horse", username=alice.name)
    assert log_in(guessed, "10.1.1.1", PASSWORD, username=alice.name).status_code == 429
    assert log_in(guessed, "10.1.1.1", PASSWORD, email=alice.email).status_code == 200


def test_successful_logins_do_not_count_as_failures(guessed: Server, alice: Person) -> None:
    responses = [log_in(guessed, "10.1.2.1", PASSWORD, username=alice.name).status_code for _ in range(12)]
    assert responses == [200] * 12


@pytest.mark.parametrize("known", [True, False])
def test_failed_logins_of_a_name_are_limited_over_all_addresses(guessed: Server, alice: Person, known: bool) -> None:
    name = alice.name if known else f"no_{secrets.token_hex(4)}"
    responses = [log_in(guessed, f"10.2.0.{n}", "Wrong4Horse", username=name).status_code for n in range(25)]
    assert responses == [401] * 25
    refused = log_in(guessed, "10.2.1.1", PASSWORD, username=name)
    assert problem(refused) == (429, "rate_limited")
    assert refused.headers["RateLimit-Limit"] == "25"


def test_known_addresses_are_exempt_from_the_global_login_limit(guessed: Server, alice: Person, engine: Engine) -> None:
    for known in ("10.4.1.1", "10.4.1.3"):
        assert log_in(guessed, known, PASSWORD, username=alice.name).status_code == 200
    for n in range(25):
        log_in(guessed, f"10.4.0.{n}", "Wrong4Horse", username=alice.name)
    assert log_in(guessed, "10.4.1.2", PASSWORD, username=alice.name).status_code == 429
    assert log_in(guessed, "10.4.1.1", PASSWORD, username=alice.name).status_code == 200
    # There, too, an attempt counts for the address.
    responses = [log_in(guessed, "10.4.1.1", "Wrong4Horse", username=alice.name).status_code for _ in range(11)]
    assert responses == [401] * 10 + [429]
    with engine.begin() as db:
        old = text("UPDATE login_addresses SET last_login_at = now() - interval '31 days' WHERE user_id = :id")
        db.execute(old, {"id": alice.id})
    refused = log_in(guessed, "10.4.1.3", PASSWORD, username=alice.name)
    assert problem(refused) == (429, "rate_limited")
    assert refused.headers["RateLimit-Limit"] == "25"


def test_users_of_one_address_share_a_limit(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = {"RATELIMIT_ENABLED": "true", "RATELIMIT_GLOBAL": "4/60s", "RATELIMIT_ADDRESS": "6/60s"}
    with Server(database_url, tmp_path_factory.mktemp("shared"), TRUSTED_PROXIES="1", **limits) as server:
        users = [register(server.url, name) for name in ("one", "two")]

        def ask(user: Person, address: str) -> requests.Response:
            return user.request("GET", "/users/me", headers={"X-Forwarded-For": address})

        responses = [ask(users[number % 2], "10.3.0.1") for number in range(7)]
        assert [response.status_code for response in responses] == [200] * 6 + [429]
        assert responses[-1].headers["RateLimit-Limit"] == "6"
        # The refused request did not count against the user's own limit.
        assert ask(users[0], "10.3.0.2").status_code == 200


def test_forwarded_addresses_count_only_from_trusted_proxies(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Server(
        database_url, tmp_path_factory.mktemp("proxied"), RATELIMIT_ENABLED="true", TRUSTED_PROXIES="1"
    ) as server:
        # The proxy appends the address that it saw; earlier entries are claims of the client.
        responses = [attempt(server, "/register", {"X-Forwarded-For": f"10.9.9.{n}, 10.0.0.1"}) for n in range(6)]
        assert [response.status_code for response in responses] == [201] * 5 + [429]
        assert data(attempt(server, "/register", {"X-Forwarded-For": "10.0.0.2"}))["user"]
        # Spellings of one address, with and without a port, and addresses of one IPv6 /64.
        for spellings in (
            ("203.0.113.6:50000", "203.0.113.6:50001", "203.0.113.6", "::ffff:203.0.113.6", "[::FFFF:cb00:7106]:5"),
            ("2001:db8::1", "2001:DB8::1", "[2001:db8::1]:50000", "2001:db8:0:0:ffff::2", "2001:db8::3"),
        ):
            responses = [attempt(server, "/register", {"X-Forwarded-For": text}) for text in (*spellings, spellings[0])]
            assert [response.status_code for response in responses] == [201] * 5 + [429]
        assert '"address": "2001:db8::/64"' in server.log
