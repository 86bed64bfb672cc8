"""Catching up after an absence: `?after=` and `POST /sync`."""

from typing import Any
from uuid import uuid4

import pytest

from tests.people import Person, data, problem


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """The direct chat of alice and bob."""
    return alice.direct_chat(bob)


def test_after_returns_changes_in_the_order_of_rev(alice: Person, bob: Person, chat: str) -> None:
    messages = [alice.send(chat, str(n)) for n in range(5)]
    seen = messages[-1]["rev"]
    alice.delete(f"/messages/{messages[1]['id']}")
    bob.send(chat, "new")
    alice.patch(f"/messages/{messages[0]['id']}", {"content": "edited"})
    first = bob.get(f"/messages/{chat}", after=seen, limit=2).json()
    second = bob.get(f"/messages/{chat}", limit=2, cursor=first["meta"]["nextCursor"]).json()
    assert second["meta"] == {"nextCursor": None, "hasMore": False}
    assert [(m["seq"], m["rev"] - seen) for m in first["data"] + second["data"]] == [(2, 1), (6, 2), (1, 3)]
    assert data(bob.get(f"/messages/{chat}", after=seen + 3)) == []


@pytest.mark.parametrize("after", [-1, "x", 2**53])
def test_after_must_be_a_rev(alice: Person, chat: str, after: object) -> None:
    assert problem(alice.get(f"/messages/{chat}", after=after)) == (422, "validation_error")


def test_empty_client_gets_everything(alice: Person, bob: Person, chat: str) -> None:
    sent = [alice.send(chat, str(n)) for n in range(3)]
    response = data(bob.post("/sync", {"chats": {}}))
    assert [c["id"] for c in response["chats"]] == [chat]
    assert response["chats"][0]["peer"]["id"] == alice.id
    assert [m["id"] for m in response["messages"][chat]] == [m["id"] for m in sent]
    assert (response["more"], response["gone"], response["unread"]) == ([], [], {chat: 3})
    assert {m["status"] for m in response["messages"][chat]} == {"DELIVERED"}
    assert data(alice.get(f"/messages/{chat}"))[0]["status"] == "DELIVERED"


def test_current_client_gets_nothing(alice: Person, bob: Person, chat: str) -> None:
    rev = alice.send(chat, "x")["rev"]
    response = data(bob.post("/sync", {"chats": {chat: rev}}))
    assert response == {
        "chats": [],
        "messages": {},
        "more": [],
        "gone": [],
        "unread": {chat: 1},
        "reset": [],
        "nextCursor": None,
    }


def test_changes_since_the_last_sync_are_returned(alice: Person, bob: Person, carol: Person, chat: str) -> None:
    old = alice.send(chat, "old")
    group = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id, carol.id]}))
    known = {chat: old["rev"], group["id"]: group["lastRev"]}
    alice.delete(f"/messages/{old['id']}")
    alice.delete(f"/chats/{group['id']}/members/{bob.id}")
    third = data(carol.post("/chats/direct", {"userId": bob.id}))["id"]
    response = data(bob.post("/sync", {"chats": known}))
    assert {c["id"] for c in response["chats"]} == {chat, third}
    assert [(m["id"], m["isDeleted"]) for m in response["messages"][chat]] == [(old["id"], True)]
    assert response["gone"] == [group["id"]]


def test_long_absence_is_synced_in_pages(alice: Person, bob: Person, chat: str) -> None:
    for number in range(105):
        alice.send(chat, str(number))
    response = data(bob.post("/sync", {"chats": {}}))
    assert [m["seq"] for m in response["messages"][chat]] == list(range(1, 101))
    assert response["more"] == [chat]
    rest = data(bob.post("/sync", {"chats": {chat: response["messages"][chat][-1]["rev"]}}))
    assert [m["seq"] for m in rest["messages"][chat]] == list(range(101, 106))
    assert rest["more"] == []


def test_many_chats_share_five_hundred_messages(alice: Person, bob: Person) -> None:
    chats = [data(alice.post("/chats/groups", {"name": str(n), "memberIds": [bob.id]}))["id"] for n in range(6)]
    for chat_id in chats:
        for number in range(90):
            alice.send(chat_id, str(number))
    known: dict[str, int] = {}
    seen: dict[str, int] = dict.fromkeys(chats, 0)
    rounds = 0
    while True:
        response = data(bob.post("/sync", {"chats": known}))
        rounds += 1
        assert sum(map(len, response["messages"].values())) <= 500
        for chat_id, messages in response["messages"].items():
            seen[chat_id] += len(messages)
            known[chat_id] = messages[-1]["rev"]
        if not response["more"]:
            break
    assert rounds == 2
    assert set(seen.values()) == {90}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"chats": None},
        {"chats": []},
        {"chats": {"x": 1}},
        {"chats": {"x" * 36: 1}},
        {"chats": {}, "extra": 1},
        {"chats": {}, "only": 1},
        {"chats": {}, "cursor": "x"},
        {"chats": {}, "cursor": 7},
        {"chats": {str(uuid4()): 0 for _ in range(1001)}},
    ],
)
def test_sync_validates_chats_and_revs(alice: Person, body: dict[str, Any]) -> None:
    assert problem(alice.post("/sync", body)) == (422, "validation_error")


@pytest.mark.parametrize("rev", [-1, "1", 1.5, None, True, 2**53])
def test_a_rev_is_a_whole_number(alice: Person, chat: str, rev: object) -> None:
    assert problem(alice.post("/sync", {"chats": {chat: rev}})) == (422, "validation_error")


def test_sync_delivers_messages_that_the_client_has(alice: Person, bob: Person, chat: str) -> None:
    # As if the worker that emitted it had ended before it recorded the delivery.
    sent = alice.send(chat, "Hello")
    data(bob.post("/sync", {"chats": {chat: sent["rev"]}}))
    statuses = data(alice.get(f"/messages/{sent['id']}/statuses"))
    assert [status["status"] for status in statuses] == ["DELIVERED"]
