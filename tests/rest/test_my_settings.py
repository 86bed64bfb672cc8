"""Settings of users: what is stored, and what other users see of them."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from chatapp.core.ids import new_id
from tests.conftest import NewKey, NewPerson
from tests.people import Person, data, problem

DEFAULTS = {
    "notify": "all",
    "readReceipts": True,
    "typing": True,
    "lastSeen": "contacts",
    "directFrom": "everyone",
    "findable": True,
    "forwards": True,
    "pushContent": "full",
}
OTHERS: dict[str, Any] = {
    "notify": "mentions",
    "readReceipts": False,
    "typing": False,
    "lastSeen": "nobody",
    "directFrom": "contacts",
    "findable": False,
    "forwards": False,
    "pushContent": "none",
}


def change(person: Person, **fields: Any) -> dict[str, Any]:
    """Change settings of a person; returns all of them."""
    return data(person.patch("/users/me/settings", fields))  # type: ignore[no-any-return]


def own(person: Person, me: int = 0) -> dict[str, Any]:
    """`me` of a `sync`."""
    return data(person.post("/sync", {"chats": {}, "me": me}))["me"]  # type: ignore[no-any-return]


def test_all_settings_are_present_with_their_defaults(alice: Person) -> None:
    assert data(alice.get("/users/me/settings")) == DEFAULTS | {"meRev": 0}
    assert "settings" not in own(alice)


def test_only_differences_from_the_defaults_are_stored(alice: Person, engine: Engine) -> None:
    stored = text("SELECT settings FROM users WHERE id = :id")

    def row() -> Any:
        with engine.connect() as db:
            return db.execute(stored, {"id": alice.id}).scalar_one()

    assert change(alice, **OTHERS) == OTHERS | {"meRev": 1}
    assert row() == OTHERS
    assert change(alice, typing=True, findable=True) == OTHERS | {"typing": True, "findable": True, "meRev": 2}
    assert row() == {name: value for name, value in OTHERS.items() if name not in ("typing", "findable")}
    assert change(alice, **DEFAULTS) == DEFAULTS | {"meRev": 3}
    assert row() is None
    assert own(alice, 2) == {"rev": 3, "settings": DEFAULTS | {"meRev": 3}}


def test_equal_values_change_nothing(alice: Person) -> None:
    assert change(alice, typing=True, lastSeen="contacts")["meRev"] == 0
    assert change(alice)["meRev"] == 0
    assert change(alice, typing=False)["meRev"] == 1
    assert change(alice, typing=False)["meRev"] == 1
    assert own(alice, 1) == {"rev": 1}


@pytest.mark.parametrize(
    "body",
    [
        {"typing": None},
        {"typing": "no"},
        {"notify": "some"},
        {"lastSeen": True},
        {"meRev": 3},
        {"unknown": True},
        [],
    ],
)
def test_other_values_are_refused(alice: Person, body: Any) -> None:
    assert problem(alice.patch("/users/me/settings", body)) == (422, "validation_error")
    assert data(alice.get("/users/me/settings"))["meRev"] == 0


def test_other_users_have_their_own_settings(alice: Person, bob: Person) -> None:
    change(alice, **OTHERS)
    assert data(bob.get("/users/me/settings")) == DEFAULTS | {"meRev": 0}


def test_a_key_changes_settings_as_a_user(alice: Person, new_key: NewKey) -> None:
    backend = new_key("act")
    assert data(backend.patch("/users/me/settings", {"typing": False}, act_as=alice.id))["typing"] is False
    assert data(alice.get("/users/me/settings"))["typing"] is False


def test_receipts_are_private_in_all_chats_of_before_and_later(alice: Person, bob: Person, carol: Person) -> None:
    before = alice.direct_chat(bob)
    old = alice.send(before, "old")
    bob.post(f"/messages/{before}/read", {})
    change(bob, readReceipts=False)
    later = alice.group(bob, carol)
    new = alice.send(later, "new")
    bob.post(f"/messages/{later}/read", {})
    assert status_of(alice, old["id"], bob) == "DELIVERED"
    assert status_of(alice, new["id"], bob) == "DELIVERED"
    joined = alice.group(carol)
    alice.post(f"/chats/{joined}/members", {"userId": bob.id})
    newest = alice.send(joined, "newest")
    bob.post(f"/messages/{joined}/read", {})
    assert status_of(alice, newest["id"], bob) == "DELIVERED"
    change(bob, readReceipts=True)
    assert status_of(alice, old["id"], bob) == "READ"
    assert status_of(alice, newest["id"], bob) == "READ"


def status_of(person: Person, message_id: str, other: Person) -> str:
    """The status of a message for another user, as the person sees it."""
    statuses = data(person.get(f"/messages/{message_id}/statuses"))
    return next(each["status"] for each in statuses if each["userId"] == other.id)  # type: ignore[no-any-return]


def test_direct_chats_can_be_limited_to_contacts(alice: Person, bob: Person, carol: Person) -> None:
    change(bob, directFrom="contacts")
    refused = alice.post("/chats/direct", {"userId": bob.id})
    assert problem(refused) == (404, "not_found")
    assert refused.json()["detail"] == f"User not found: {bob.id}."
    alice.group(bob)
    assert alice.post("/chats/direct", {"userId": bob.id}).status_code == 201
    # Bob opens one with anybody.
    assert bob.post("/chats/direct", {"userId": carol.id}).status_code == 201


def test_an_existing_direct_chat_is_returned_whatever_the_settings(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    change(bob, directFrom="contacts")
    assert alice.direct_chat(bob) == chat_id


def test_users_who_are_not_findable_are_found_by_contacts_only(alice: Person, bob: Person, carol: Person) -> None:
    change(bob, findable=False)
    alice.group(bob)
    assert data(alice.get(f"/users/{bob.name}"))["id"] == bob.id
    assert [user["id"] for user in data(alice.get("/users/search", q=bob.name))] == [bob.id]
    assert problem(carol.get(f"/users/{bob.name}")) == (404, "not_found")
    assert data(carol.get("/users/search", q=bob.name)) == []
    assert data(bob.get(f"/users/{bob.name}"))["id"] == bob.id


def test_pages_of_a_search_skip_users_who_are_not_findable(alice: Person, register_person: NewPerson) -> None:
    people = sorted((register_person("skipped") for _ in range(6)), key=lambda person: person.name)
    for hidden in people[::2]:
        change(hidden, findable=False)
    found, query = [], {"q": "skipped", "limit": 1}
    while query.get("cursor", True):
        response = alice.get("/users/search", **query)
        found += [user["id"] for user in data(response)]
        query["cursor"] = response.json()["meta"]["nextCursor"]
    assert found == [person.id for person in people[1::2]]


def test_authors_are_not_named_in_new_forwards(alice: Person, bob: Person, carol: Person, engine: Engine) -> None:
    source, target = alice.group(bob, carol), bob.direct_chat(carol)
    original = alice.send(source, "Hello")
    earlier = forward(bob, original["id"], target)
    assert earlier["forwardedFrom"]["senderId"] == alice.id
    change(alice, forwards=False)
    assert forward(bob, original["id"], target)["forwardedFrom"] == {}
    # The first author, of a copy too; and a copy without an author stays one.
    again = forward(bob, earlier["id"], target)
    assert again["forwardedFrom"] == {}
    change(alice, forwards=True)
    assert forward(bob, again["id"], target)["forwardedFrom"] == {}
    assert forward(bob, original["id"], target)["forwardedFrom"]["senderId"] == alice.id
    messages = {message["id"]: message for message in data(carol.get(f"/messages/{target}"))}
    assert messages[again["id"]]["forwardedFrom"] == {}
    assert messages[earlier["id"]]["forwardedFrom"]["senderId"] == alice.id


def forward(person: Person, message_id: str, chat_id: str) -> dict[str, Any]:
    """Forward a message; returns the copy."""
    body = {"messageIds": [message_id], "chatIds": [chat_id], "clientId": new_id()}
    return data(person.post("/messages/forward", body))[0]  # type: ignore[no-any-return]
