"""Replies, mentions, metadata and formats in the events of sockets."""

from typing import Any

import pytest

from tests.conftest import Connect, both_clients
from tests.people import Person, data
from tests.socket_clients import SocketClient

Json = dict[str, Any]
MARKDOWN = {"format": "markdown"}


@pytest.fixture
def chat_id(alice: Person, bob: Person) -> str:
    return alice.direct_chat(bob)


def mentioning(*users: Person, all: bool = False) -> Json:
    return {"mentions": {"userIds": [user.id for user in users], "all": all}}


@both_clients
def test_a_new_message_has_its_quote_mentions_metadata_and_format(
    alice: Person, bob: Person, chat_id: str, connect: Connect
) -> None:
    original = alice.send(chat_id, "Hello")
    sender, receiver = connect(bob), connect(alice)
    extras = {"replyToId": original["id"], "metadata": {"a": [1]}, **MARKDOWN, **mentioning(alice, all=True)}
    ack = sender.call("message:send", {"chatId": chat_id, "content": "Hi", **extras})["data"]
    event = receiver.wait_for("message:new", lambda message: message["content"] == "Hi")
    assert event == {name: value for name, value in ack.items() if name != "status"}
    assert (event["metadata"], event["format"]) == ({"a": [1]}, "markdown")
    assert event["mentions"] == {"userIds": [alice.id], "all": True}
    assert (event["replyTo"]["id"], event["replyTo"]["content"]) == (original["id"], "Hello")


def test_a_plain_message_has_only_the_fields_of_before(
    alice: Person, bob: Person, chat_id: str, connect: Connect
) -> None:
    socket = connect(bob)
    alice.send(chat_id, "Hello", metadata=None, mentions=None, format=None, replyToId=None)
    assert not {"replyTo", "mentions", "metadata", "format", "editCount"} & set(socket.wait_for("message:new"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("metadata", {"b": 2}), ("metadata", None), ("format", None), ("mentions", None)],
)
def test_each_change_is_emitted_with_its_field_only(
    alice: Person, bob: Person, chat_id: str, connect: Connect, field: str, value: object
) -> None:
    message = alice.send(chat_id, "Hello", metadata={"a": 1}, **MARKDOWN, **mentioning(bob))
    socket = connect(bob)
    data(alice.patch(f"/messages/{message['id']}", {field: value}))
    assert socket.wait_for("message:changed") == {
        "chatId": chat_id,
        "messageId": message["id"],
        "rev": message["rev"] + 1,
        "changes": {field: value},
    }


def test_changed_mentions_are_those_who_remain(
    alice: Person, bob: Person, carol: Person, chat_id: str, connect: Connect
) -> None:
    message = alice.send(chat_id, "Hello")
    socket = connect(bob)
    data(alice.patch(f"/messages/{message['id']}", {**mentioning(carol, alice, bob), **MARKDOWN}))
    assert socket.wait_for("message:changed")["changes"] == {"mentions": {"userIds": [bob.id]}, "format": "markdown"}


def test_new_text_is_emitted_as_an_edit_with_the_other_changes(
    alice: Person, bob: Person, chat_id: str, connect: Connect
) -> None:
    original = bob.send(chat_id, "Question")
    message = alice.send(chat_id, "Hello", replyToId=original["id"])
    socket = connect(bob)
    edited = data(alice.patch(f"/messages/{message['id']}", {"content": "Hi", "metadata": {"a": 1}}))
    event = socket.wait_for("message:edited")
    assert event == {name: value for name, value in edited.items() if name != "status"}
    assert (event["metadata"], event["editCount"], event["replyTo"]["content"]) == ({"a": 1}, 1, "Question")
    socket.flush()
    assert socket.received("message:changed") == []


def test_a_change_without_effect_emits_nothing(alice: Person, bob: Person, chat_id: str, connect: Connect) -> None:
    message = alice.send(chat_id, "Hello", metadata={"a": 1})
    socket = connect(bob)
    data(alice.patch(f"/messages/{message['id']}", {"metadata": {"a": 1}, "format": None}))
    alice.send(chat_id, "Last")
    assert socket.wait_for("message:new")["rev"] == message["rev"] + 1
    assert socket.received("message:changed") == []


def revs(socket: SocketClient) -> list[int]:
    return [payload["rev"] for name, payload in socket.received() if name.startswith("message:")]


def test_all_changes_arrive_in_the_order_of_rev(alice: Person, bob: Person, chat_id: str, connect: Connect) -> None:
    socket = connect(bob)
    ids = [alice.send(chat_id, str(number))["id"] for number in range(3)]
    for number, id in enumerate(ids * 2):
        data(alice.patch(f"/messages/{id}", {"metadata": {"number": number}}))
        data(alice.patch(f"/messages/{id}", {"content": f"edited {number}"}))
    alice.delete(f"/messages/{ids[0]}")
    deleted = socket.wait_for("message:deleted")
    found = revs(socket)
    assert found == list(range(found[0], deleted["rev"] + 1))
    assert len(found) == 3 + 12 + 1


def test_replies_to_a_deleted_message_arrive_with_a_tombstone(
    alice: Person, bob: Person, chat_id: str, connect: Connect
) -> None:
    original = alice.send(chat_id, "secret")
    reply = bob.send(chat_id, "reply", replyToId=original["id"])
    alice.delete(f"/messages/{original['id']}")
    socket = connect(alice)
    data(bob.patch(f"/messages/{reply['id']}", {"content": "edited reply"}))
    assert socket.wait_for("message:edited")["replyTo"] == {
        "id": original["id"], "seq": original["seq"], "senderId": alice.id, "isDeleted": True,
    }  # fmt: skip
