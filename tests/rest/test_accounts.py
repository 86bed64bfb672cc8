"""Registration, login and logout."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.people import PASSWORD, Person, data, problem
from tests.server import Server


def post(server: Server, path: str, body: Any) -> requests.Response:
    return requests.post(f"{server.url}/api/v1/auth{path}", json=body, timeout=20)


def account(**changes: Any) -> dict[str, Any]:
    name = f"new_{secrets.token_hex(4)}"
    return {"email": f"{name}@example.org", "username": name, "password": PASSWORD} | changes


def test_registration_returns_account_and_tokens(server: Server) -> None:
    wanted = account()
    response = post(server, "/register", wanted)
    assert response.status_code == 201
    login = data(response)
    assert login["user"]["username"] == wanted["username"]
    assert login["user"]["email"] == wanted["email"]
    assert login["user"]["role"] == "USER"
    assert login["user"]["isOnline"] is False
    assert login["user"]["lastSeen"] is None
    assert login["expiresIn"] == 15 * 60
    assert Person(server.url, login).get("/users/me").ok


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": 7}, "email"),
        ({"email": None}, "email"),
        ({"email": "x" * 250 + "@example.org"}, "email"),
        ({"username": "ab"}, "username"),
        ({"username": "a" * 21}, "username"),
        ({"username": "with space"}, "username"),
        ({"username": "naïve"}, "username"),
        ({"username": "name\n"}, "username"),
        ({"username": "me"}, "username"),
        ({"username": "Search"}, "username"),
        ({"username": "Admin"}, "username"),
        ({"username": "administrator"}, "username"),
        ({"username": "moderator"}, "username"),
        ({"username": "root"}, "username"),
        ({"username": "SUPPORT"}, "username"),
        ({"username": "system"}, "username"),
        ({"password": "Short1a"}, "password"),
        ({"password": "A1" + "a" * 63}, "password"),
        ({"password": "alllower1"}, "password"),
        ({"password": "ALLUPPER1"}, "password"),
        ({"password": "NoDigitsHere"}, "password"),
        ({"password": "With\x00Nul1"}, "password"),
        ({"password": "Password1"}, "password"),
        ({"password": "Qwerty123"}, "password"),
        ({"password": "pAssW0rD"}, "password"),
        ({"role": "ADMIN"}, "role"),
        ({"id": "mine"}, "id"),
    ],
)
def test_registering_refuses_a_field_that_breaks_its_rule(server: Server, changes: dict[str, Any], field: str) -> None:
    response = post(server, "/register", account(**changes))
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == [field]


@pytest.mark.parametrize("field", ["email", "username", "password"])
def test_registering_needs_every_field(server: Server, field: str) -> None:
    wanted = account()
    del wanted[field]
    response = post(server, "/register", wanted)
    assert problem(response) == (422, "validation_error")
    assert field in response.json()["errors"]


@pytest.mark.parametrize("password", ["Vwkqzrt1", "Aa1" + "x" * 61, "Größe und 1"])
def test_valid_passwords_are_accepted(server: Server, password: str) -> None:
    wanted = account(password=password)
    assert post(server, "/register", wanted).status_code == 201
    assert post(server, "/login", {"email": wanted["email"], "password": password}).status_code == 200


def test_an_address_belongs_to_one_account_whatever_its_case(server: Server, alice: Person) -> None:
    response = post(server, "/register", account(email=alice.email.upper()))
    assert problem(response) == (409, "email_taken")


def test_a_name_belongs_to_one_account_whatever_its_case(server: Server, alice: Person) -> None:
    response = post(server, "/register", account(username=alice.name.upper()))
    assert problem(response) == (409, "username_taken")


def test_concurrent_registrations_of_one_name_create_one_account(server: Server) -> None:
    name = f"race_{secrets.token_hex(4)}"
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: post(server, "/register", account(username=name)), range(8)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 7


@pytest.mark.parametrize("change", [str, str.upper])
def test_logging_in_by_address_or_name_in_any_case(server: Server, alice: Person, change: Any) -> None:
    for who in ({"email": change(alice.email)}, {"username": change(alice.name)}):
        login = data(post(server, "/login", who | {"password": PASSWORD}))
        assert login["user"]["id"] == alice.id


def test_a_wrong_password_and_an_unknown_account_look_the_same(server: Server, alice: Person) -> None:
    wrong = post(server, "/login", {"username": alice.name, "password": "Wrong4Horse"})
    unknown = post(server, "/login", {"username": "nobody_at_all", "password": "Wrong4Horse"})
    assert problem(wrong) == problem(unknown) == (401, "invalid_credentials")
    assert wrong.json() == unknown.json()


@pytest.mark.parametrize(
    "body",
    [
        {"password": PASSWORD},
        {"email": "a@example.org", "username": "abc", "password": PASSWORD},
        {"username": "abc"},
        {"username": ["abc"], "password": PASSWORD},
        {"username": "abc", "password": PASSWORD, "extra": 1},
    ],
)
def test_logging_in_takes_one_name_and_a_password(server: Server, body: dict[str, Any]) -> None:
    assert problem(post(server, "/login", body)) == (422, "validation_error")


def test_logging_out_ends_that_session_and_no_other(server: Server, alice: Person) -> None:
    other = Person(server.url, data(post(server, "/login", {"email": alice.email, "password": PASSWORD})))
    response = alice.post("/auth/logout")
    assert (response.status_code, response.content) == (204, b"")
    assert problem(alice.get("/users/me")) == (401, "token_invalid")
    assert problem(post(server, "/refresh", {"refreshToken": alice.refresh_token}))[0] == 401
    assert other.get("/users/me").ok
    assert post(server, "/refresh", {"refreshToken": other.refresh_token}).ok
