"""Editing, deleting, reading and catching up have the same results over both transports."""

import uuid
from typing import Any

import pytest

from tests.parity.conftest import Act
from tests.people import Person, data
from tests.socket_clients import JsDriver

UNKNOWN_ID = str(uuid.UUID(int=1))


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """The direct chat of alice and bob."""
    return alice.direct_chat(bob)


def test_edit_is_returned_stored_and_emitted(
    act: Act, alice: Person, bob: Person, chat: str, js_driver: JsDriver
) -> None:
    listener = js_driver.connect(bob.url, bob.token)
    message = alice.send(chat, "Helo")
    response = act(alice, "message:edit", {"messageId": message["id"], "content": " Hello "})
    assert (response.data["content"], response.data["isEdited"]) == ("Hello", True)
    event = listener.wait_for("message:edited")
    assert event == {name: value for name, value in response.data.items() if name != "status"}
    assert data(alice.get(f"/messages/{chat}"))[0]["rev"] == response.data["rev"]
    listener.disconnect()


def test_only_the_sender_edits(act: Act, alice: Person, bob: Person, carol: Person, chat: str) -> None:
    edit = {"messageId": alice.send(chat, "x")["id"], "content": "y"}
    assert act(bob, "message:edit", edit).problem["code"] == "forbidden"
    assert act(carol, "message:edit", edit).problem["code"] == "not_found"
    assert act(alice, "message:edit", edit | {"messageId": UNKNOWN_ID}).problem["code"] == "not_found"
    assert act(alice, "message:edit", edit | {"content": " "}).problem["code"] == "validation_error"


def test_deletion_is_emitted_once(act: Act, alice: Person, bob: Person, chat: str, js_driver: JsDriver) -> None:
    listener = js_driver.connect(bob.url, bob.token)
    message = alice.send(chat, "x")
    for _ in range(2):
        response = act(alice, "message:delete", {"messageId": message["id"]})
        assert response.problem is None
        assert response.data in (None, {"messageId": message["id"], "chatId": chat})
    listener.flush()
    expected = {"messageId": message["id"], "chatId": chat, "rev": message["rev"] + 1}
    assert listener.received("message:deleted") == [("message:deleted", expected)]
    edit = {"messageId": message["id"], "content": "y"}
    assert act(alice, "message:edit", edit).problem["code"] == "conflict"
    listener.disconnect()


def test_only_sender_and_moderators_delete(act: Act, alice: Person, bob: Person, carol: Person, chat: str) -> None:
    message = {"messageId": alice.send(chat, "x")["id"]}
    assert act(bob, "message:delete", message).problem["code"] == "forbidden"
    assert act(carol, "message:delete", message).problem["code"] == "not_found"


def test_reading_is_returned_and_emitted(act: Act, alice: Person, bob: Person, chat: str, js_driver: JsDriver) -> None:
    listener = js_driver.connect(alice.url, alice.token)
    messages = [alice.send(chat, str(n))["id"] for n in range(3)]
    first = act(bob, "messages:read", {"chatId": chat, "messageIds": messages[:2]})
    assert first.data == {
        "chatId": chat,
        "userId": bob.id,
        "messageIds": messages[:2],
        "readSeq": 2,
        "unreadCount": 1,
    }
    event = listener.wait_for("messages:read")
    assert event == {name: value for name, value in first.data.items() if name != "unreadCount"}
    assert act(bob, "messages:read", {"chatId": chat}).data["unreadCount"] == 0
    listener.disconnect()


def test_outsider_can_not_mark_as_read(act: Act, carol: Person, chat: str) -> None:
    assert act(carol, "messages:read", {"chatId": chat}).problem["code"] == "not_found"


def test_sync_is_the_same(act: Act, alice: Person, bob: Person, chat: str) -> None:
    message = alice.send(chat, "x")
    response = act(bob, "sync", {"chats": {UNKNOWN_ID: 3}}).data
    assert [m["id"] for m in response["messages"][chat]] == [message["id"]]
    assert (response["gone"], response["more"], response["unread"]) == ([UNKNOWN_ID], [], {chat: 1})
    assert act(bob, "sync", {"chats": {chat: message["rev"]}}).data["messages"] == {}


@pytest.mark.parametrize("event", ["message:edit", "message:delete", "messages:read", "sync"])
def test_unknown_fields_are_refused(act: Act, alice: Person, chat: str, event: str) -> None:
    wholes: dict[str, dict[str, Any]] = {
        "message:edit": {"messageId": UNKNOWN_ID, "content": "x"},
        "message:delete": {"messageId": UNKNOWN_ID},
        "messages:read": {"chatId": chat},
        "sync": {"chats": {}},
    }
    response = act(alice, event, wholes[event] | {"unknown": 1})
    # A deletion over REST has no body.
    assert response.problem["code"] == ("not_found" if response.problem["status"] == 404 else "validation_error")
