"""Pinned messages over REST."""

from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import NewKey
from tests.people import Backend, Person, data, problem

Sent = dict[str, Any]


@pytest.fixture
def chat_id(alice: Person, bob: Person) -> str:
    return alice.direct_chat(bob)


def pin(person: Person, message: Sent) -> requests.Response:
    return person.request("PUT", f"/messages/{message['id']}/pin")


def unpin(person: Person, message: Sent) -> requests.Response:
    return person.delete(f"/messages/{message['id']}/pin")


def pins(person: Person, chat_id: str, **query: Any) -> list[str]:
    return [message["content"] for message in data(person.get(f"/chats/{chat_id}/pins", **query))]


def pin_count(person: Person, chat_id: str) -> int:
    return int(data(person.get(f"/chats/{chat_id}")).get("pinCount", 0))


def newest(reader: Person, chat_id: str) -> Sent:
    message: Sent = data(reader.get(f"/messages/{chat_id}"))[0]
    return message


def pin_many(engine: Engine, chat_id: str, count: int) -> None:
    """Pin the first messages of a chat, with a second between two."""
    pinned = """
        UPDATE messages SET pinned_at = now() + (seq - 1000) * interval '1 second', pinned_by = sender_id
        WHERE chat_id = :chat_id AND seq <= :count
    """
    with engine.begin() as db:
        db.execute(text(pinned), {"chat_id": chat_id, "count": count})


def test_both_users_of_a_direct_chat_pin_and_unpin(alice: Person, bob: Person, chat_id: str) -> None:
    message = alice.send(chat_id, "Hello")
    pinned = data(pin(bob, message))
    assert pinned["pinnedBy"] == bob.id
    assert pinned["pinnedAt"] >= message["createdAt"]
    assert pinned["rev"] == message["rev"] + 1
    assert newest(bob, chat_id) == pinned | {"status": "DELIVERED"}
    unpinned = data(unpin(alice, message))
    assert not {"pinnedAt", "pinnedBy"} & set(unpinned)
    assert unpinned["rev"] == pinned["rev"] + 1
    assert not unpinned["isEdited"]


def test_only_admins_pin_in_a_group(alice: Person, bob: Person, carol: Person) -> None:
    group = alice.group(bob)
    message = bob.send(group, "Hello")
    assert problem(pin(bob, message)) == (403, "forbidden")
    assert problem(pin(carol, message)) == (404, "not_found")
    data(pin(alice, message))
    assert problem(unpin(bob, message)) == (403, "forbidden")
    assert pins(bob, group) == ["Hello"]
    assert problem(carol.get(f"/chats/{group}/pins")) == (404, "not_found")


def test_a_repeated_pin_changes_nothing(alice: Person, bob: Person, chat_id: str) -> None:
    message = alice.send(chat_id, "Hello")
    pinned = data(pin(alice, message))
    again = data(pin(bob, message))
    assert again == pinned
    unpinned = data(unpin(alice, message))
    assert data(unpin(alice, message)) == unpinned


def test_the_last_pinned_message_is_listed_first(alice: Person, bob: Person, chat_id: str) -> None:
    messages = [alice.send(chat_id, str(number)) for number in range(5)]
    for number in (3, 0, 4, 1, 2):
        data(pin(alice, messages[number]))
    data(unpin(alice, messages[4]))
    assert pins(bob, chat_id) == ["2", "1", "0", "3"]
    assert pin_count(bob, chat_id) == 4


def test_pins_are_listed_in_pages(alice: Person, bob: Person, chat_id: str) -> None:
    for number in range(3):
        data(pin(alice, alice.send(chat_id, str(number))))
    first = bob.get(f"/chats/{chat_id}/pins", limit=2).json()
    assert [message["content"] for message in first["data"]] == ["2", "1"]
    cursor = first["meta"]["nextCursor"]
    assert pins(bob, chat_id, limit=2, cursor=cursor) == ["0"]
    other = alice.group(bob)
    assert problem(bob.get(f"/chats/{other}/pins", cursor=cursor)) == (400, "cursor_invalid")


def test_listed_pins_are_delivered(alice: Person, bob: Person, backend: Backend, chat_id: str) -> None:
    message = alice.send(chat_id, "Hello")
    data(pin(alice, message))
    data(backend.get(f"/chats/{chat_id}/pins", act_as=bob.id))
    assert newest(alice, chat_id)["status"] == "SENT"
    assert data(bob.get(f"/chats/{chat_id}/pins"))[0]["status"] == "DELIVERED"
    assert newest(alice, chat_id)["status"] == "DELIVERED"


def test_deletion_unpins(alice: Person, bob: Person, chat_id: str) -> None:
    message = alice.send(chat_id, "Hello")
    data(pin(alice, message))
    alice.delete(f"/messages/{message['id']}")
    assert not {"pinnedAt", "pinnedBy"} & set(newest(bob, chat_id))
    assert pins(bob, chat_id) == []
    assert pin_count(bob, chat_id) == 0
    assert problem(pin(alice, message)) == (409, "message_deleted")
    assert data(unpin(alice, message))["isDeleted"]


def test_a_chat_has_up_to_100_pins(alice: Person, bob: Person, chat_id: str, engine: Engine) -> None:
    messages = [alice.send(chat_id, str(number)) for number in range(102)]
    pin_many(engine, chat_id, 99)
    data(pin(alice, messages[99]))
    assert problem(pin(alice, messages[100])) == (409, "too_many_pins")
    data(pin(alice, messages[0]))
    data(unpin(alice, messages[0]))
    data(pin(bob, messages[101]))
    assert pin_count(alice, chat_id) == 100


def test_an_edit_keeps_the_pin(alice: Person, bob: Person, chat_id: str) -> None:
    message = alice.send(chat_id, "Hello")
    pinned = data(pin(bob, message))
    edited = data(alice.patch(f"/messages/{message['id']}", {"content": "Hi"}))
    assert (edited["pinnedAt"], edited["pinnedBy"]) == (pinned["pinnedAt"], bob.id)


def test_a_pin_is_found_by_sync(alice: Person, bob: Person, chat_id: str) -> None:
    message = alice.send(chat_id, "Hello")
    alice.send(chat_id, "Bye")
    pinned = data(pin(alice, message))
    synced = data(bob.post("/sync", {"chats": {chat_id: pinned["rev"] - 1}}))
    assert [each["pinnedBy"] for each in synced["messages"][chat_id]] == [alice.id]


def test_pins_do_not_move_the_chat(alice: Person, bob: Person, chat_id: str) -> None:
    message = alice.send(chat_id, "Hello")
    before = data(bob.get(f"/chats/{chat_id}"))
    data(pin(alice, message))
    after = data(bob.get(f"/chats/{chat_id}"))
    assert (after["updatedAt"], after["unreadCount"]) == (before["updatedAt"], 1)


def test_a_closed_direct_chat_takes_no_pins(alice: Person, bob: Person, chat_id: str, engine: Engine) -> None:
    message = alice.send(chat_id, "Hello")
    with engine.begin() as db:
        db.execute(text("UPDATE chats SET is_closed = true WHERE id = :id"), {"id": chat_id})
    assert problem(pin(alice, message)) == (403, "cannot_send")


def test_pins_of_acting_keys_are_audited(
    alice: Person, bob: Person, backend: Backend, new_key: NewKey, chat_id: str
) -> None:
    message = alice.send(chat_id, "Hello")
    for method in ("PUT", "PUT", "DELETE"):
        data(backend.request(method, f"/messages/{message['id']}/pin", act_as=bob.id))
    entries = data(new_key("audit:read").get("/admin/audit", target=message["id"]))
    assert [entry["action"] for entry in entries] == ["message.unpinned", "message.pinned"]
    assert {entry["actingAs"] for entry in entries} == {bob.id}
