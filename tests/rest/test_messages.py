"""Sending messages and reading them back over REST."""

import re
import unicodedata
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.people import Person, data, problem


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """The direct chat of alice and bob."""
    return alice.direct_chat(bob)


def test_sent_message_matches_the_schema(alice: Person, chat: str) -> None:
    response = alice.post("/messages", {"chatId": chat, "content": "Hello"})
    assert response.status_code == 201
    message = data(response)
    assert uuid.UUID(message["id"]).version == 7
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["createdAt"])
    assert message == message | {
        "chatId": chat,
        "seq": 1,
        "senderId": alice.id,
        "sender": {"id": alice.id, "username": alice.name, "avatar": None},
        "content": "Hello",
        "type": "TEXT",
        "fileUrl": None,
        "fileName": None,
        "fileSize": None,
        "thumbnailUrl": None,
        "width": None,
        "height": None,
        "clientId": None,
        "isEdited": False,
        "isDeleted": False,
        "editedAt": None,
        "status": "SENT",
    }


def test_history_is_read_back_page_by_page_newest_first(alice: Person, bob: Person, chat: str) -> None:
    for number in range(1, 8):
        (alice if number % 2 else bob).send(chat, f"message {number}")
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        response = bob.get(f"/messages/{chat}", limit=3, **cursor).json()
        seen += [message["seq"] for message in response["data"]]
        if not response["meta"]["hasMore"]:
            break
        cursor = {"cursor": response["meta"]["nextCursor"]}
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_pages_stay_put_while_messages_arrive(alice: Person, chat: str) -> None:
    for number in range(1, 5):
        alice.send(chat, str(number))
    first = alice.get(f"/messages/{chat}", limit=2).json()
    alice.send(chat, "meanwhile")
    second = alice.get(f"/messages/{chat}", limit=2, cursor=first["meta"]["nextCursor"]).json()
    assert [m["seq"] for m in first["data"] + second["data"]] == [4, 3, 2, 1]


def test_an_empty_history_is_an_empty_list(alice: Person, chat: str) -> None:
    assert alice.get(f"/messages/{chat}").json() == {"data": [], "meta": {"nextCursor": None, "hasMore": False}}


def test_parallel_senders_leave_no_gap_in_seq_and_rev(alice: Person, bob: Person, chat: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda n: (alice, bob)[n % 2].send(chat, str(n)), range(40)))
    assert sorted(m["seq"] for m in sent) == list(range(1, 41))
    revs = sorted(m["rev"] for m in sent)
    assert revs == list(range(revs[0], revs[0] + 40))
    history = data(alice.get(f"/messages/{chat}", limit=100))
    assert {m["id"] for m in history} == {m["id"] for m in sent}


def test_content_is_trimmed_and_normalised(alice: Person, chat: str) -> None:
    decomposed = unicodedata.normalize("NFD", "Grüße")
    assert alice.send(chat, f" \n {decomposed}\tund\nmehr 👋 \n")["content"] == "Grüße\tund\nmehr 👋"


def test_the_longest_content_fits(alice: Person, chat: str) -> None:
    max_length = "😀" * 4000
    assert alice.send(chat, f"  {max_length}  ")["content"] == max_length


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"content": ""}, "content"),
        ({"content": " \n\t "}, "content"),
        ({"content": "x" * 4001}, "content"),
        ({"content": "nul \0"}, "content"),
        ({"content": "bell \a"}, "content"),
        ({"content": "c1 \x85"}, "content"),
        ({"content": None}, "content"),
        ({"content": 7}, "content"),
        ({"content": ["x"]}, "content"),
        ({"chatId": "x"}, "chatId"),
        ({"chatId": None}, "chatId"),
        ({"clientId": "mine"}, "clientId"),
        ({"type": "VIDEO"}, "type"),
        ({"type": "FILE"}, "fileUrl"),
        ({"fileUrl": "/uploads/none.png"}, "fileUrl"),
        ({"seq": 1}, "seq"),
        ({"senderId": "someone"}, "senderId"),
        ({"isDeleted": False}, "isDeleted"),
    ],
)
def test_sending_refuses_a_field_that_breaks_its_rule(
    alice: Person, chat: str, changes: dict[str, Any], field: str
) -> None:
    response = alice.post("/messages", {"chatId": chat, "content": "x"} | changes)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == [field]


@pytest.mark.parametrize("content", ["x", "with é and 👋"])
def test_the_same_client_id_sends_once(alice: Person, chat: str, content: str) -> None:
    body = {"chatId": chat, "content": content, "clientId": str(uuid.uuid4())}
    first, again = alice.post("/messages", body), alice.post("/messages", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert data(first)["clientId"] == body["clientId"]
    assert data(first) == data(again)
    assert data(alice.get(f"/chats/{chat}"))["lastSeq"] == 1


def test_the_same_client_id_at_once_sends_once(alice: Person, chat: str) -> None:
    body = {"chatId": chat, "content": "once", "clientId": str(uuid.uuid4())}
    with ThreadPoolExecutor(10) as pool:
        responses = list(pool.map(lambda _: alice.post("/messages", body), range(10)))
    assert sorted(response.status_code for response in responses) == [200] * 9 + [201]
    assert len({data(response)["id"] for response in responses}) == 1
    assert data(alice.get(f"/chats/{chat}"))["lastSeq"] == 1


def test_client_id_can_not_be_reused_for_other_content_or_chat(
    alice: Person, bob: Person, carol: Person, chat: str
) -> None:
    client_id = str(uuid.uuid4())
    alice.send(chat, "first", clientId=client_id)
    elsewhere = alice.direct_chat(carol)
    for body in ({"chatId": chat, "content": "second"}, {"chatId": elsewhere, "content": "first"}):
        assert problem(alice.post("/messages", body | {"clientId": client_id})) == (422, "client_id_reused")
    assert bob.send(chat, "another person's", clientId=client_id)["senderId"] == bob.id


def test_outsiders_neither_read_nor_write(alice: Person, carol: Person, chat: str) -> None:
    alice.send(chat, "secret")
    for chat_id in (chat, str(uuid.uuid4())):
        assert problem(carol.get(f"/messages/{chat_id}")) == (404, "not_found")
        assert problem(carol.post("/messages", {"chatId": chat_id, "content": "x"})) == (404, "not_found")


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"cursor": "!"}, {"cursor": "W10"}])
def test_page_limits_are_validated(alice: Person, chat: str, query: dict[str, Any]) -> None:
    assert problem(alice.get(f"/messages/{chat}", **query)) == (422, "validation_error")
