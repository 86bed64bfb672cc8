"""Forwarding of messages over REST."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from tests.authorisation.conftest import A_PDF
from tests.conftest import NewKey
from tests.people import Backend, Person, data, problem

Sent = dict[str, Any]


@pytest.fixture
def source(alice: Person, bob: Person) -> str:
    """A chat whose messages alice forwards."""
    return alice.direct_chat(bob)


@pytest.fixture
def target(alice: Person, carol: Person) -> str:
    """A chat that she forwards them to."""
    return alice.direct_chat(carol)


def forward(
    sender: Person, messages: Sequence[Sent], chat_ids: Sequence[str], client_id: str | None = None
) -> requests.Response:
    body = {"messageIds": [message["id"] for message in messages], "chatIds": list(chat_ids)}
    return sender.post("/messages/forward", body | {"clientId": client_id or str(uuid.uuid4())})


def history(reader: Person, chat_id: str) -> list[Sent]:
    """All messages of a chat, oldest first."""
    messages: list[Sent] = data(reader.get(f"/messages/{chat_id}", limit=100))
    return messages[::-1]


def test_a_copy_names_the_first_author(alice: Person, bob: Person, carol: Person, source: str, target: str) -> None:
    message = bob.send(source, "Hello", format="markdown")
    response = forward(alice, [message], [target])
    assert response.status_code == 201
    [copy] = data(response)
    assert (copy["senderId"], copy["chatId"], copy["content"], copy["format"]) == (
        alice.id, target, "Hello", "markdown",
    )  # fmt: skip
    assert copy["forwardedFrom"] == {
        "senderId": bob.id,
        "sender": {"id": bob.id, "username": bob.name, "avatar": None},
        "createdAt": message["createdAt"],
    }
    assert copy["status"] == "SENT"
    assert history(carol, target) == [copy | {"status": "DELIVERED"}]
    [again] = data(forward(carol, [copy], [carol.direct_chat(bob)]))
    assert again["forwardedFrom"] == copy["forwardedFrom"]


def test_an_author_who_is_not_named_stays_so(
    alice: Person, bob: Person, carol: Person, source: str, target: str, engine: Engine
) -> None:
    [copy] = data(forward(alice, [bob.send(source, "Hello")], [target]))
    with engine.begin() as db:
        db.execute(text("UPDATE messages SET forwarded = '{}' WHERE id = :id"), {"id": copy["id"]})
    assert history(carol, target)[0]["forwardedFrom"] == {}
    [again] = data(forward(carol, [copy], [carol.direct_chat(bob)]))
    assert again["forwardedFrom"] == {}


def test_copies_follow_the_order_of_the_request(
    alice: Person, bob: Person, carol: Person, source: str, target: str
) -> None:
    messages = [bob.send(source, str(number)) for number in range(4)]
    elsewhere = alice.group(carol)
    messages.insert(2, alice.send(elsewhere, "elsewhere"))
    chosen = [messages[number] for number in (3, 0, 2, 4)]
    copies = data(forward(alice, chosen, [elsewhere, source, target]))
    wanted = [(chat_id, message["content"]) for chat_id in (elsewhere, source, target) for message in chosen]
    assert [(copy["chatId"], copy["content"]) for copy in copies] == wanted
    for chat_id in (elsewhere, source, target):
        stored = history(alice, chat_id)[-4:]
        assert [message["content"] for message in stored] == ["2", "0", "elsewhere", "3"]
        assert [message["seq"] for message in stored] == list(range(stored[0]["seq"], stored[0]["seq"] + 4))


def test_what_belongs_to_the_original_is_not_copied(
    alice: Person, bob: Person, carol: Person, source: str, target: str
) -> None:
    extras: Sent = {"metadata": {"a": 1}, "mentions": {"userIds": [alice.id], "all": True}}
    message = bob.send(source, "Hello", replyToId=bob.send(source, "Before")["id"], **extras)
    data(bob.request("PUT", f"/messages/{message['id']}/pin"))
    data(bob.patch(f"/messages/{message['id']}", {"content": "Hello!"}))
    [copy] = data(forward(alice, [message], [target]))
    assert set(copy) == set(alice.send(target, "plain")) | {"forwardedFrom"}
    assert (copy["content"], copy["isEdited"]) == ("Hello!", False)


def test_copies_are_independent_of_the_original(
    alice: Person, bob: Person, carol: Person, source: str, target: str
) -> None:
    message = bob.send(source, "Hello")
    [copy] = data(forward(alice, [message], [target]))
    data(bob.patch(f"/messages/{message['id']}", {"content": "Hi"}))
    assert history(carol, target)[0]["content"] == "Hello"
    bob.delete(f"/messages/{message['id']}")
    assert history(alice, target) == [copy | {"status": "DELIVERED"}]
    data(alice.patch(f"/messages/{copy['id']}", {"content": "Mine"}))
    alice.delete(f"/messages/{copy['id']}")
    assert "forwardedFrom" not in history(carol, target)[0]


def test_a_file_is_shared_with_the_copy(alice: Person, bob: Person, carol: Person, source: str, target: str) -> None:
    message = data(bob.upload(source, "notes.pdf", A_PDF, content="Look"))
    [copy] = data(forward(alice, [message], [target]))
    about = ("type", "fileName", "fileSize", "content")
    assert [copy[name] for name in about] == [message[name] for name in about]
    bob.delete(f"/messages/{message['id']}")
    [seen] = history(carol, target)
    assert requests.get(f"{carol.url}{seen['fileUrl']}", timeout=20).content == A_PDF
    alice.delete(f"/messages/{copy['id']}")
    assert requests.get(f"{carol.url}{seen['fileUrl']}", timeout=20).status_code == 404


def test_a_repeated_request_returns_the_same_list(
    alice: Person, bob: Person, carol: Person, source: str, target: str
) -> None:
    messages = [bob.send(source, "1"), bob.send(source, "2")]
    client_id = str(uuid.uuid4())
    sent = data(forward(alice, messages, [target, source], client_id))
    assert sent[0]["clientId"] == client_id
    assert len({copy["clientId"] for copy in sent}) == 4
    # Deletions of the originals change nothing.
    bob.delete(f"/messages/{messages[0]['id']}")
    again = forward(alice, messages, [target, source], client_id)
    assert (again.status_code, data(again)) == (200, sent)
    assert len(history(alice, target)) == 2
    # Another sender's clientIds are others.
    assert forward(bob, [messages[1]], [source], client_id).status_code == 201


def test_a_client_id_stands_for_one_request(alice: Person, bob: Person, source: str, target: str) -> None:
    messages = [bob.send(source, "1"), bob.send(source, "2")]
    client_id = str(uuid.uuid4())
    sent = data(forward(alice, messages, [target], client_id))
    others: list[tuple[list[Sent], list[str]]] = [
        (messages[:1], [target]),
        (messages[::-1], [target]),
        (messages, [source]),
        (messages, [target, source]),
    ]
    for named, chats in others:
        assert problem(forward(alice, named, chats, client_id)) == (422, "client_id_reused")
    plain = {"chatId": target, "content": "1", "clientId": client_id}
    assert problem(alice.post("/messages", plain)) == (422, "client_id_reused")
    # A message that was sent with the clientId of a later copy.
    other = str(uuid.uuid4())
    alice.send(target, "1", clientId=str(uuid.uuid5(uuid.UUID(other), "1")))
    assert problem(forward(alice, messages, [target], other)) == (422, "client_id_reused")
    assert [message["id"] for message in history(alice, target)[:2]] == [copy["id"] for copy in sent]
    assert len(history(alice, target)) == 3


def test_concurrent_repetitions_forward_once(
    alice: Person, bob: Person, carol: Person, source: str, target: str
) -> None:
    messages = [bob.send(source, str(number)) for number in range(3)]
    client_id = str(uuid.uuid4())
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda _: forward(alice, messages, [target, source], client_id), range(6)))
    assert sorted(response.status_code for response in responses) == [200] * 5 + [201]
    ids = [[copy["id"] for copy in data(response)] for response in responses]
    assert all(each == ids[0] for each in ids)
    assert len(history(alice, target)) == 3


def test_concurrent_requests_with_one_client_id_forward_one_of_them(
    alice: Person, bob: Person, carol: Person, source: str, target: str
) -> None:
    message = bob.send(source, "Hello")
    client_id = str(uuid.uuid4())
    chats = [target, alice.group(carol), alice.group(carol)]
    with ThreadPoolExecutor(3) as pool:
        responses = list(pool.map(lambda chat_id: forward(alice, [message], [chat_id], client_id), chats))
    assert sorted(response.status_code for response in responses) == [201, 422, 422]
    assert sum(len(history(alice, chat_id)) for chat_id in chats) == 1


@pytest.mark.parametrize("unseen", ["message", "unknown message", "chat", "unknown chat"])
def test_one_unseen_object_stops_all(
    alice: Person, bob: Person, carol: Person, source: str, target: str, unseen: str
) -> None:
    messages, chats = [bob.send(source, "Hello")], [target]
    others = bob.direct_chat(carol)
    if unseen == "message":
        messages.append(bob.send(others, "secret"))
    elif unseen == "unknown message":
        messages.append({"id": str(uuid.uuid4())})
    else:
        chats.append(others if unseen == "chat" else str(uuid.uuid4()))
    assert problem(forward(alice, messages, chats)) == (404, "not_found")
    assert history(alice, target) == []


def test_one_deleted_message_stops_all(alice: Person, bob: Person, source: str, target: str) -> None:
    messages = [bob.send(source, "1"), bob.send(source, "2")]
    bob.delete(f"/messages/{messages[1]['id']}")
    assert problem(forward(alice, messages, [target])) == (409, "message_deleted")
    assert history(alice, target) == []


def test_one_closed_chat_stops_all(
    alice: Person, bob: Person, carol: Person, source: str, target: str, engine: Engine
) -> None:
    message = bob.send(source, "Hello")
    with engine.begin() as db:
        db.execute(text("UPDATE chats SET is_closed = true WHERE id = :id"), {"id": source})
    assert problem(forward(alice, [message], [target, source])) == (403, "cannot_send")
    assert history(alice, target) == []
    # Its messages can still be forwarded.
    assert forward(alice, [message], [target]).status_code == 201


def test_system_messages_are_not_forwarded(
    alice: Person, bob: Person, backend: Backend, new_key: NewKey, source: str, target: str
) -> None:
    posted = data(backend.post(f"/server/chats/{source}/messages", {"content": "Shipped."}))
    refused = forward(alice, [bob.send(source, "Hello"), posted], [target])
    assert problem(refused) == (422, "validation_error")
    assert list(refused.json()["errors"]) == ["messageIds"]
    assert history(alice, target) == []


@pytest.mark.parametrize(("field", "count"), [("messageIds", 0), ("messageIds", 21), ("chatIds", 0), ("chatIds", 6)])
def test_the_numbers_of_messages_and_chats_are_limited(alice: Person, field: str, count: int) -> None:
    body = {"messageIds": [str(uuid.uuid4())], "chatIds": [str(uuid.uuid4())], "clientId": str(uuid.uuid4())}
    refused = alice.post("/messages/forward", body | {field: [str(uuid.uuid4()) for _ in range(count)]})
    assert problem(refused) == (422, "validation_error")
    assert list(refused.json()["errors"]) == [field]


@pytest.mark.parametrize("field", ["messageIds", "chatIds"])
def test_no_object_is_named_twice(alice: Person, bob: Person, source: str, field: str) -> None:
    message = bob.send(source, "Hello")
    body = {"messageIds": [message["id"]], "chatIds": [source], "clientId": str(uuid.uuid4())}
    refused = alice.post("/messages/forward", body | {field: [body[field][0], body[field][0].upper()]})
    assert problem(refused) == (422, "validation_error")
    assert list(refused.json()["errors"]) == [field]


def test_the_largest_request_is_forwarded(alice: Person, bob: Person, carol: Person, source: str, target: str) -> None:
    messages = [bob.send(source, str(number)) for number in range(20)]
    chats = [source, target, *(alice.group(carol) for _ in range(3))]
    copies = data(forward(alice, messages, chats))
    assert [copy["content"] for copy in copies] == [str(number) for number in range(20)] * 5
    assert len({copy["clientId"] for copy in copies}) == 100


def test_forwarding_reads_the_chat_as_sending_does(
    alice: Person, bob: Person, carol: Person, source: str, target: str
) -> None:
    message = bob.send(source, "Hello")
    carol.send(target, "unread")
    data(forward(alice, [message], [target]))
    counts = {chat["id"]: chat["unreadCount"] for chat in data(alice.get("/chats"))}
    assert counts == {source: 1, target: 0}


def test_copies_by_acting_keys_are_audited(
    alice: Person, bob: Person, backend: Backend, new_key: NewKey, source: str, target: str
) -> None:
    message = bob.send(source, "Hello")
    body = {"messageIds": [message["id"]], "chatIds": [target], "clientId": str(uuid.uuid4())}
    [copy] = data(backend.post("/messages/forward", body, act_as=alice.id))
    [entry] = data(new_key("audit:read").get("/admin/audit", target=copy["id"]))
    assert (entry["action"], entry["actingAs"]) == ("message.created", alice.id)
