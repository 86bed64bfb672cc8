"""Edits, deletions, receipts and unread counts."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, text

from chatapp.core.objects import KEPT, columns_of
from chatapp.representations import Message
from tests.people import Person, data, problem

# Optional fields are absent.
TOMBSTONE = {
    field: column.tombstone
    for field, column in columns_of(Message).items()
    if column.tombstone is not KEPT and field in Message.__required_keys__
}


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """The direct chat of alice and bob."""
    return alice.direct_chat(bob)


@pytest.fixture
def trio(alice: Person, bob: Person, carol: Person) -> str:
    """A group of alice, its ADMIN, with bob and carol."""
    return str(data(alice.post("/chats/groups", {"name": "Trio", "memberIds": [bob.id, carol.id]}))["id"])


def statuses(person: Person, message: dict[str, Any]) -> dict[str, str]:
    return {s["userId"]: s["status"] for s in data(person.get(f"/messages/{message['id']}/statuses"))}


def test_edit_changes_content_and_rev(alice: Person, bob: Person, chat: str) -> None:
    message = alice.send(chat, "Helo")
    bob.send(chat, "?")
    edited = data(alice.patch(f"/messages/{message['id']}", {"content": " Hello "}))
    assert (edited["content"], edited["isEdited"], edited["seq"]) == ("Hello", True, 1)
    assert edited["editedAt"] >= message["createdAt"]
    assert edited["rev"] == message["rev"] + 2 == data(alice.get(f"/chats/{chat}"))["lastRev"]
    assert data(bob.get(f"/messages/{chat}"))[1]["content"] == "Hello"


@pytest.mark.parametrize("content", ["", "  ", "x" * 4001, None, 7, "\0"])
def test_an_edit_follows_the_rules_of_content(alice: Person, chat: str, content: object) -> None:
    message = alice.send(chat, "x")
    response = alice.patch(f"/messages/{message['id']}", {"content": content})
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == ["content"]


def test_deleted_message_leaves_only_a_tombstone(alice: Person, bob: Person, chat: str) -> None:
    message = alice.send(chat, "secret", clientId=str(uuid.uuid4()))
    path = f"/messages/{message['id']}"
    assert alice.delete(path).status_code == 204
    rev = data(alice.get(f"/chats/{chat}"))["lastRev"]
    assert alice.delete(path).status_code == 204
    assert data(alice.get(f"/chats/{chat}"))["lastRev"] == rev == message["rev"] + 1
    for person in (alice, bob):
        responses = [
            person.get(f"/messages/{chat}"),
            person.get(f"/messages/{chat}", after=0),
            person.get("/chats"),
            person.get(f"/chats/{chat}"),
            person.post("/sync", {"chats": {}}),
        ]
        assert all(response.ok and "secret" not in response.text for response in responses)
        tombstone = data(responses[0])[0]
        assert tombstone == message | {"rev": rev, "status": tombstone["status"]} | TOMBSTONE
    assert problem(alice.patch(path, {"content": "again"})) == (409, "conflict")


def test_repeated_send_returns_the_edited_or_deleted_message(alice: Person, chat: str) -> None:
    body = {"chatId": chat, "content": "first", "clientId": str(uuid.uuid4())}
    message = data(alice.post("/messages", body))
    alice.patch(f"/messages/{message['id']}", {"content": "second"})
    again = alice.post("/messages", body)
    assert (again.status_code, data(again)["content"]) == (200, "second")
    alice.delete(f"/messages/{message['id']}")
    assert data(alice.post("/messages", body))["isDeleted"] is True


def test_reading_over_rest_delivers(alice: Person, bob: Person, chat: str, engine: Engine) -> None:
    message = alice.send(chat, "Hello")
    assert data(bob.get(f"/messages/{chat}"))[0]["status"] == "DELIVERED"
    assert data(alice.get(f"/messages/{chat}"))[0]["status"] == "DELIVERED"
    with engine.connect() as db:
        view = text("SELECT status FROM message_statuses WHERE message_id = :id AND user_id = :user_id")
        assert db.execute(view, {"id": message["id"], "user_id": bob.id}).scalar() == "DELIVERED"


def test_sending_marks_earlier_messages_as_read(alice: Person, bob: Person, chat: str) -> None:
    for word in ("one", "two"):
        alice.send(chat, word)
    bob.send(chat, "I saw both")
    assert [m["status"] for m in data(alice.get(f"/messages/{chat}"))] == ["DELIVERED", "READ", "READ"]


def test_reading_up_to_a_message_reads_all_before_it(alice: Person, bob: Person, chat: str) -> None:
    messages = [alice.send(chat, str(n)) for n in range(4)]
    receipt = data(bob.post(f"/messages/{chat}/read", {"messageIds": [messages[2]["id"]]}))
    assert receipt == {
        "chatId": chat,
        "userId": bob.id,
        "messageIds": [m["id"] for m in messages[:3]],
        "readSeq": 3,
        "unreadCount": 1,
    }
    earlier = data(bob.post(f"/messages/{chat}/read", {"messageIds": [messages[0]["id"]]}))
    assert (earlier["messageIds"], earlier["readSeq"], earlier["unreadCount"]) == ([], 3, 1)
    assert [m["status"] for m in data(alice.get(f"/messages/{chat}"))] == ["SENT", "READ", "READ", "READ"]


@pytest.mark.parametrize("body", [None, {}])
def test_reading_a_chat_reads_all_of_it(alice: Person, bob: Person, chat: str, body: dict[str, Any] | None) -> None:
    messages = [alice.send(chat, str(n)) for n in range(3)]
    receipt = data(bob.post(f"/messages/{chat}/read", body))
    assert (receipt["messageIds"], receipt["unreadCount"]) == ([m["id"] for m in messages], 0)
    assert data(bob.get("/chats"))[0]["unreadCount"] == 0
    assert data(bob.post(f"/messages/{chat}/read", body))["messageIds"] == []


@pytest.mark.parametrize("ids", [[], ["x"], "x", None, [None], [str(uuid.UUID(int=7))]])
def test_read_ids_must_be_messages_of_the_chat(alice: Person, bob: Person, chat: str, ids: object) -> None:
    alice.send(chat, "x")
    assert problem(bob.post(f"/messages/{chat}/read", {"messageIds": ids})) == (422, "validation_error")


def test_messages_of_another_chat_mark_nothing(alice: Person, bob: Person, carol: Person, chat: str) -> None:
    alice.send(chat, "x")
    elsewhere = alice.send(alice.direct_chat(carol), "y")
    response = bob.post(f"/messages/{chat}/read", {"messageIds": [elsewhere["id"]]})
    assert problem(response) == (422, "validation_error")
    assert data(bob.get("/chats"))[0]["unreadCount"] == 1


def test_group_status_is_that_of_the_slowest_member(alice: Person, bob: Person, carol: Person, trio: str) -> None:
    message = alice.send(trio, "Hello")
    assert statuses(alice, message) == {bob.id: "SENT", carol.id: "SENT"}
    bob.post(f"/messages/{trio}/read")
    assert statuses(carol, message) == {bob.id: "READ", carol.id: "SENT"}
    assert data(alice.get(f"/messages/{trio}"))[0]["status"] == "SENT"
    carol.get(f"/messages/{trio}")
    assert data(alice.get(f"/messages/{trio}"))[0]["status"] == "DELIVERED"
    carol.post(f"/messages/{trio}/read")
    assert data(alice.get(f"/messages/{trio}"))[0]["status"] == "READ"


def test_later_members_do_not_affect_the_status(alice: Person, bob: Person, carol: Person) -> None:
    chat_id = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id]}))["id"]
    message = alice.send(chat_id, "before")
    alice.post(f"/chats/{chat_id}/members", {"userId": carol.id})
    bob.post(f"/messages/{chat_id}/read")
    assert data(alice.get(f"/messages/{chat_id}"))[0]["status"] == "READ"
    assert statuses(alice, message) == {bob.id: "READ"}
    assert data(carol.get(f"/messages/{chat_id}"))[0]["status"] == "READ"


def test_tombstones_stay_unread(alice: Person, bob: Person, chat: str) -> None:
    message = alice.send(chat, "x")
    alice.delete(f"/messages/{message['id']}")
    assert data(bob.get("/chats"))[0]["unreadCount"] == 1
