"""Sending a message has the same result over both transports."""

import uuid
from typing import Any

import pytest

from tests.parity.conftest import Act
from tests.people import Person, data


def test_sent_message_is_returned_and_stored(act: Act, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    response = act(alice, "message:send", {"chatId": chat, "content": " Hello "})
    assert response.data["content"] == "Hello"
    assert response.data["status"] == "SENT"
    assert data(alice.get(f"/messages/{chat}")) == [response.data]


def test_a_repeated_client_id_gives_the_stored_message(act: Act, alice: Person, bob: Person) -> None:
    body = {"chatId": alice.direct_chat(bob), "content": "once", "clientId": str(uuid.uuid4())}
    assert act(alice, "message:send", body) == act(alice, "message:send", body)
    reused = act(alice, "message:send", body | {"content": "twice"})
    assert reused.problem["code"] == "client_id_reused"


def test_outsider_gets_not_found(act: Act, alice: Person, bob: Person, carol: Person) -> None:
    chat = alice.direct_chat(bob)
    response = act(carol, "message:send", {"chatId": chat, "content": "x"})
    assert (response.problem["status"], response.problem["code"]) == (404, "not_found")


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
    response = act(alice, "message:send", {"chatId": alice.direct_chat(bob), "content": "x"} | changes)
    assert (response.problem["status"], response.problem["code"]) == (422, "validation_error")
    assert list(response.problem["errors"]) == [field]


def test_visible_file_can_be_forwarded(act: Act, alice: Person, bob: Person, carol: Person) -> None:
    file = data(alice.upload(alice.direct_chat(bob), "plan.pdf", b"%PDF-1.7\n%%EOF\n"))
    stolen = {"chatId": alice.direct_chat(carol), "content": "x", "fileUrl": file["fileUrl"]}
    assert list(act(carol, "message:send", stolen).problem["errors"]) == ["fileUrl"]
    mine = str(uuid.uuid4())
    body = {"chatId": bob.direct_chat(carol), "content": "", "fileUrl": file["fileUrl"], "clientId": mine}
    response = act(bob, "message:send", body)
    assert (response.data["type"], response.data["fileName"], response.data["content"]) == ("FILE", "plan.pdf", "")
    # A socket of carol's may have received it meanwhile.
    sent = response.data | {"status": "SENT"}
    assert act(bob, "message:send", body).data | {"status": "SENT"} == sent
    assert act(bob, "message:send", body | {"fileUrl": None, "content": "x"}).problem["code"] == "client_id_reused"
    # The signature in the URL does not matter: an expired one works, and a valid one does not help an outsider.
    bare = file["fileUrl"].partition("?")[0]
    assert act(bob, "message:send", body | {"fileUrl": bare}).data | {"status": "SENT"} == sent
    # Sent again with its clientId it returns the stored message, even if the file was deleted.
    for person, message in ((alice, file), (bob, response.data)):
        assert person.delete(f"/messages/{message['id']}").status_code == 204
    assert act(bob, "message:send", body).data["isDeleted"]


@pytest.mark.parametrize(
    "url",
    [
        "/uploads/none.png",
        "/uploads/" + "0" * 32 + ".pdf",
        "https://example.org/uploads/" + "0" * 32 + ".pdf",
        "/uploads/../config.py",
        "javascript:alert(1)",
        "x" * 2048,
    ],
)
def test_unknown_file_is_refused(act: Act, alice: Person, bob: Person, url: str) -> None:
    response = act(alice, "message:send", {"chatId": alice.direct_chat(bob), "content": "x", "fileUrl": url})
    assert (response.problem["status"], list(response.problem["errors"])) == (422, ["fileUrl"])
