"""Replies, mentions, metadata and formats have the same results over both transports."""

import uuid
from typing import Any

import pytest

from tests.parity.conftest import Act
from tests.people import Person, data

Json = dict[str, Any]


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """The direct chat of alice and bob."""
    return alice.direct_chat(bob)


def test_extras_are_stored_and_returned(act: Act, alice: Person, bob: Person, chat: str) -> None:
    extras: Json = {"replyToId": bob.send(chat, "Hi")["id"], "mentions": {"userIds": [bob.id]}, "metadata": {"a": 1}}
    payload = {"chatId": chat, "content": "Hello", "clientId": str(uuid.uuid4()), "format": "markdown", **extras}
    sent = act(alice, "message:send", payload).data
    assert (sent["replyTo"]["content"], sent["mentions"], sent["metadata"], sent["format"]) == (
        "Hi", {"userIds": [bob.id]}, {"a": 1}, "markdown",
    )  # fmt: skip
    assert act(alice, "message:send", payload).data == sent
    assert act(alice, "message:send", payload | {"metadata": None}).problem["code"] == "client_id_reused"
    assert data(bob.get(f"/messages/{chat}"))[0] == sent | {"status": "DELIVERED"}


def test_fields_are_changed_one_by_one(act: Act, alice: Person, bob: Person, chat: str) -> None:
    message = alice.send(chat, "Hello", metadata={"a": 1})
    named = {"messageId": message["id"]}
    changed = act(alice, "message:edit", named | {"metadata": None, "format": "markdown"}).data
    assert ("metadata" in changed, changed["format"], changed["isEdited"]) == (False, "markdown", False)
    edited = act(alice, "message:edit", named | {"content": "Hi", "mentions": {"all": True}}).data
    assert (edited["content"], edited["mentions"], edited["isEdited"]) == ("Hi", {"all": True}, True)
    assert (edited["rev"], edited["editCount"]) == (message["rev"] + 2, 1)


@pytest.mark.parametrize(
    ("extras", "field"),
    [
        ({"replyToId": str(uuid.UUID(int=1))}, "replyToId"),
        ({"metadata": {"a": "x" * 4096}}, "metadata"),
        ({"mentions": {"all": 1}}, "mentions"),
        ({"format": "html"}, "format"),
    ],
)
def test_invalid_extras_are_refused(act: Act, alice: Person, chat: str, extras: Json, field: str) -> None:
    refused = act(alice, "message:send", {"chatId": chat, "content": "x", **extras}).problem
    assert (refused["status"], refused["code"]) == (422, "validation_error")
    assert next(iter(refused["errors"])).startswith(field)


def test_an_edit_needs_a_change(act: Act, alice: Person, chat: str) -> None:
    message = alice.send(chat, "Hello")
    refused = act(alice, "message:edit", {"messageId": message["id"]}).problem
    assert (refused["code"], list(refused["errors"])) == ("validation_error", ["content"])
    refused = act(alice, "message:edit", {"messageId": message["id"], "replyToId": None}).problem
    assert (refused["code"], list(refused["errors"])) == ("validation_error", ["replyToId"])
