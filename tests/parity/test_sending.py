"""Sending a message gives the same answer through both doors."""

import uuid
from typing import Any

import pytest

from tests.parity.conftest import Act
from tests.people import Person, data


def test_a_sent_message_is_answered_and_stored(act: Act, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    answer = act(alice, "message:send", {"chatId": chat, "content": " Hello "})
    assert answer.data["content"] == "Hello"
    assert answer.data["status"] == "SENT"
    assert data(alice.get(f"/messages/{chat}")) == [answer.data]


def test_a_repeated_client_id_gives_the_stored_message(act: Act, alice: Person, bob: Person) -> None:
    body = {"chatId": alice.direct_chat(bob), "content": "once", "clientId": str(uuid.uuid4())}
    assert act(alice, "message:send", body) == act(alice, "message:send", body)
    reused = act(alice, "message:send", body | {"content": "twice"})
    assert reused.problem["code"] == "client_id_reused"


def test_an_outsider_is_told_that_there_is_no_such_chat(act: Act, alice: Person, bob: Person, carol: Person) -> None:
    chat = alice.direct_chat(bob)
    answer = act(carol, "message:send", {"chatId": chat, "content": "x"})
    assert (answer.problem["status"], answer.problem["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"content": "  "}, "content"),
        ({"content": "x" * 4001}, "content"),
        ({"content": "a\0b"}, "content"),
        ({"chatId": "x"}, "chatId"),
        ({"clientId": 7}, "clientId"),
        ({"type": "IMAGE"}, "fileUrl"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_the_same_rules_hold_for_fields(
    act: Act, alice: Person, bob: Person, changes: dict[str, Any], field: str
) -> None:
    answer = act(alice, "message:send", {"chatId": alice.direct_chat(bob), "content": "x"} | changes)
    assert (answer.problem["status"], answer.problem["code"]) == (422, "validation_error")
    assert list(answer.problem["errors"]) == [field]
