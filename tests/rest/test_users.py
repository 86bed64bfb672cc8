"""Profiles and user search."""

import secrets
from typing import Any

import pytest

from tests.conftest import NewPerson
from tests.people import Person, data, problem


def test_me_is_the_account_behind_the_token(alice: Person) -> None:
    me = data(alice.get("/users/me"))
    assert set(me) == {"id", "username", "avatar", "isOnline", "lastSeen", "createdAt", "email", "role"}
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


def test_search_finds_parts_of_names_prefixes_first(alice: Person, register_person: NewPerson) -> None:
    word = f"q{secrets.token_hex(2)}"
    inside = register_person(f"b_{word}")
    prefix = register_person(word.upper())
    found = data(alice.get("/users/search", q=word))
    assert [user["id"] for user in found] == [prefix.id, inside.id]


def test_search_pages_through_everything_once(alice: Person, register_person: NewPerson) -> None:
    word = f"w{secrets.token_hex(2)}"
    everyone = {register_person(name).id for name in (word, f"a{word}", f"b{word}", word, f"a{word}")}
    seen: list[str] = []
    cursor = None
    while True:
        response = alice.get("/users/search", q=word, limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [user["id"] for user in response["data"]]
        cursor = response["meta"]["nextCursor"]
        assert response["meta"]["hasMore"] is (cursor is not None)
        if cursor is None:
            break
    assert len(seen) == len(everyone)
    assert set(seen) == everyone


@pytest.mark.parametrize("q", ["%", "%%%", "\\", "a_lice_nobody", "'; --"])
def test_search_takes_every_character_literally(alice: Person, q: str) -> None:
    found = data(alice.get("/users/search", q=q))
    assert all(q.lower() in user["username"].lower() for user in found)
    assert not found


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"q": ""},
        {"q": "   "},
        {"q": "x" * 51},
        {"q": "a\0b"},
        {"q": "a", "limit": 0},
        {"q": "a", "limit": 101},
        {"q": "a", "limit": "ten"},
        {"q": "a", "cursor": "nonsense"},
        {"q": "a", "cursor": "WzEsMl0"},
    ],
)
def test_search_refuses_a_query_that_breaks_its_rules(alice: Person, query: dict[str, Any]) -> None:
    assert problem(alice.get("/users/search", **query)) == (422, "validation_error")
