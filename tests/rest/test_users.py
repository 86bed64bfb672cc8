"""Profiles."""

import secrets
from typing import Any

import pytest

from tests.people import Person, data, problem


def test_me_is_the_account_behind_the_token(alice: Person) -> None:
    me = data(alice.get("/users/me"))
    assert set(me) == {
        "id",
        "username",
        "avatar",
        "isOnline",
        "lastSeen",
        "createdAt",
        "email",
        "role",
        "passwordLogin",
    }
    assert (me["id"], me["username"], me["email"]) == (alice.id, alice.name, alice.email)


def test_others_see_no_address_and_no_role(alice: Person, bob: Person) -> None:
    user = data(alice.get(f"/users/{bob.name.upper()}"))
    assert set(user) == {"id", "username", "avatar", "isOnline", "lastSeen", "createdAt"}
    assert user["id"] == bob.id


def test_patching_a_profile_changes_only_given_fields(alice: Person) -> None:
    picture = "https://example.org/a.png"
    assert data(alice.patch("/users/me", {"avatar": picture}))["avatar"] == picture
    renamed = data(alice.patch("/users/me", {"username": f"new_{secrets.token_hex(4)}"}))
    assert renamed["username"].startswith("new_")
    assert renamed["avatar"] == picture
    assert data(alice.patch("/users/me", {"avatar": None}))["avatar"] is None
    assert data(alice.patch("/users/me", {}))["username"] == renamed["username"]


@pytest.mark.parametrize(
    "url",
    [
        "https://a.b/c.png",
        "http://my_storage:9000/a.png",
        "http://localhost",
        "HTTPS://EXAMPLE.ORG?size=96",
        "http://192.0.2.7:8080/a.png",
        "http://[2001:db8::1]/a.png",
        "https://user:word@cdn.example.museum./a%20b/(c)~d,e;f=g?h=i&j#k",
    ],
)
def test_an_avatar_is_any_http_url(alice: Person, url: str) -> None:
    assert data(alice.patch("/users/me", {"avatar": url}))["avatar"] == url


def test_own_username_can_change_case(alice: Person) -> None:
    assert data(alice.patch("/users/me", {"username": alice.name.upper()}))["username"] == alice.name.upper()


def test_a_taken_name_is_refused(alice: Person, bob: Person) -> None:
    assert problem(alice.patch("/users/me", {"username": bob.name.upper()})) == (409, "username_taken")


@pytest.mark.parametrize(
    "body",
    [
        {"username": "me"},
        {"username": None},
        {"avatar": "ftp://example.org/a.png"},
        {"avatar": "javascript:alert(1)"},
        {"avatar": "https://example.org/" + "a" * 2048},
        {"avatar": "not a url"},
        {"avatar": "https://"},
        {"avatar": "https:///a.png"},
        {"avatar": "https://example..org/a.png"},
        {"avatar": "https://example.org/a b.png"},
        {"avatar": "https://example.org/\u00e4.png"},
        {"avatar": "https://example.org:port/a.png"},
        {"avatar": "//example.org/a.png"},
        {"avatar": ""},
        {"avatar": 7},
        {"role": "ADMIN"},
        {"email": "new@example.org"},
        {"isActive": True},
    ],
)
def test_invalid_profile_fields_are_refused(alice: Person, body: dict[str, Any]) -> None:
    assert problem(alice.patch("/users/me", body)) == (422, "validation_error")


@pytest.mark.parametrize("name", ["nobody_at_all", "x", "%", "a%00b", "a" * 300])
def test_an_unknown_name_is_not_found(alice: Person, name: str) -> None:
    assert problem(alice.get(f"/users/{name}")) == (404, "not_found")
