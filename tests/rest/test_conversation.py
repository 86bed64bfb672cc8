"""Replies, mentions, metadata and formats of messages, and the edits of these."""

import json
import uuid
from typing import Any

import pytest
import requests

from tests.people import Person, data, problem

Sent = dict[str, Any]


@pytest.fixture
def chat_id(alice: Person, bob: Person) -> str:
    return alice.direct_chat(bob)


def post(sender: Person, chat_id: str, content: str = "Hello", **extras: Any) -> requests.Response:
    return sender.post("/messages", {"chatId": chat_id, "content": content, **extras})


def send(sender: Person, chat_id: str, content: str = "Hello", **extras: Any) -> Sent:
    message: Sent = data(post(sender, chat_id, content, **extras))
    return message


def edit(sender: Person, message: Sent, **fields: Any) -> requests.Response:
    return sender.patch(f"/messages/{message['id']}", fields)


def newest(reader: Person, chat_id: str) -> Sent:
    message: Sent = data(reader.get(f"/messages/{chat_id}"))[0]
    return message


def test_a_reply_quotes_its_message(alice: Person, bob: Person, chat_id: str) -> None:
    original = send(alice, chat_id, "x" * 301)
    quote = send(bob, chat_id, replyToId=original["id"])["replyTo"]
    assert quote == {
        "id": original["id"],
        "seq": original["seq"],
        "senderId": alice.id,
        "sender": {"id": alice.id, "username": alice.name, "avatar": None},
        "type": "TEXT",
        "content": "x" * 300 + "…",
    }
    assert newest(alice, chat_id)["replyTo"] == quote


def test_a_quote_follows_its_message(alice: Person, bob: Person, chat_id: str) -> None:
    original = send(alice, chat_id)
    reply = send(bob, chat_id, replyToId=original["id"])
    data(edit(alice, original, content="Hi"))
    assert newest(bob, chat_id)["replyTo"]["content"] == "Hi"
    alice.delete(f"/messages/{original['id']}")
    shown = newest(bob, chat_id)
    assert shown["replyTo"] == {
        "id": original["id"], "seq": original["seq"], "senderId": alice.id, "isDeleted": True,
    }  # fmt: skip
    assert shown["rev"] == reply["rev"]


@pytest.mark.parametrize("target", ["another chat", "deleted", "unknown"])
def test_only_messages_of_the_chat_can_be_replied_to(alice: Person, bob: Person, chat_id: str, target: str) -> None:
    if target == "another chat":
        replied = send(alice, alice.group(bob))["id"]
    elif target == "deleted":
        replied = send(alice, chat_id)["id"]
        alice.delete(f"/messages/{replied}")
    else:
        replied = str(uuid.uuid4())
    refused = post(bob, chat_id, replyToId=replied)
    assert problem(refused) == (422, "validation_error")
    assert list(refused.json()["errors"]) == ["replyToId"]


def test_only_other_members_are_mentioned(alice: Person, bob: Person, carol: Person, chat_id: str) -> None:
    named = [bob.id, alice.id, carol.id, str(uuid.uuid4())]
    assert send(alice, chat_id, mentions={"userIds": named})["mentions"] == {"userIds": [bob.id]}
    assert "mentions" not in send(alice, chat_id, mentions={"userIds": [carol.id]})
    assert send(alice, chat_id, mentions={"all": True})["mentions"] == {"all": True}
    assert "mentions" not in send(alice, chat_id, mentions={"userIds": [], "all": False})


def test_mentions_keep_their_order(alice: Person, bob: Person, carol: Person) -> None:
    group = alice.group(bob, carol)
    named = sorted([bob.id, carol.id])
    message = send(alice, group, mentions={"userIds": named[::-1]})
    assert message["mentions"] == {"userIds": named[::-1]}
    assert data(edit(alice, message, mentions={"userIds": named}))["mentions"] == message["mentions"]
    data(edit(alice, message, mentions=None))
    assert data(edit(alice, message, mentions={"userIds": named}))["mentions"] == {"userIds": named}


def mention_count(reader: Person, chat_id: str) -> int:
    return int(data(reader.get(f"/chats/{chat_id}")).get("mentionCount", 0))


def test_unread_mentions_are_counted(alice: Person, bob: Person, chat_id: str) -> None:
    send(alice, chat_id)
    assert mention_count(bob, chat_id) == 0
    send(alice, chat_id, mentions={"userIds": [bob.id], "all": True})
    to_all = send(alice, chat_id, mentions={"all": True})
    edited = send(alice, chat_id)
    assert (mention_count(bob, chat_id), mention_count(alice, chat_id)) == (2, 0)
    data(edit(alice, edited, mentions={"userIds": [bob.id]}))
    assert mention_count(bob, chat_id) == 3
    data(edit(alice, edited, mentions=None))
    alice.delete(f"/messages/{to_all['id']}")
    assert mention_count(bob, chat_id) == 1
    bob.post(f"/messages/{chat_id}/read", {})
    assert mention_count(bob, chat_id) == 0


def test_none_from_before_rejoining_count(alice: Person, bob: Person) -> None:
    group = alice.group(bob)
    send(alice, group, mentions={"userIds": [bob.id], "all": True})
    bob.delete(f"/chats/{group}/leave")
    alice.post(f"/chats/{group}/members", {"userId": bob.id})
    assert mention_count(bob, group) == 0
    send(alice, group, mentions={"all": True})
    assert mention_count(bob, group) == 1


def test_metadata_and_format_are_returned_unchanged(alice: Person, bob: Person, chat_id: str) -> None:
    metadata = {"order": {"id": 4711, "price": 1.5, "tags": ["a", None, True]}}
    sent = send(alice, chat_id, metadata=metadata, format="markdown")
    assert (sent["metadata"], sent["format"]) == (metadata, "markdown")
    shown = newest(bob, chat_id)
    assert (shown["metadata"], shown["format"]) == (metadata, "markdown")


@pytest.mark.parametrize(
    "extras",
    [
        {"metadata": {"a": "x" * 4096}},
        {"metadata": {"a": {"b": {"c": {"d": {"e": {}}}}}}},
        {"metadata": {"x" * 65: 1}},
        {"metadata": [1]},
        {"format": "html"},
        {"mentions": {"userIds": [str(uuid.UUID(int=number)) for number in range(51)]}},
        {"mentions": {"all": "yes"}},
        {"mentions": {"everyone": True}},
        {"replyToId": "1"},
    ],
    ids=str,
)
def test_bad_extras_are_refused(alice: Person, chat_id: str, extras: Sent) -> None:
    refused = post(alice, chat_id, **extras)
    assert problem(refused) == (422, "validation_error")
    assert next(iter(extras)) in next(iter(refused.json()["errors"]))


@pytest.mark.parametrize("field", ["replyToId", "mentions", "metadata", "format"])
def test_extras_belong_to_what_a_client_id_stands_for(alice: Person, bob: Person, chat_id: str, field: str) -> None:
    extras = {
        "replyToId": send(bob, chat_id)["id"],
        "mentions": {"userIds": [bob.id]},
        "metadata": {"a": 1, "b": 2},
        "format": "markdown",
    }
    client_id = str(uuid.uuid4())
    sent = send(alice, chat_id, clientId=client_id, **extras)
    again = post(alice, chat_id, clientId=client_id, **extras)
    assert (again.status_code, data(again)) == (200, sent)
    reused = post(alice, chat_id, clientId=client_id, **{**extras, field: None})
    assert problem(reused) == (422, "client_id_reused")


def test_only_new_text_is_an_edit(alice: Person, bob: Person, chat_id: str) -> None:
    message = send(alice, chat_id, metadata={"a": 1})
    changed = data(edit(alice, message, metadata={"a": 2}, mentions={"userIds": [bob.id]}, format="markdown"))
    assert (changed["isEdited"], changed["rev"]) == (False, message["rev"] + 1)
    assert "editCount" not in changed
    edited = data(edit(alice, message, content="Hi", metadata=None))
    assert (edited["isEdited"], edited["editCount"], edited["rev"]) == (True, 1, message["rev"] + 2)
    assert "metadata" not in edited
    assert newest(bob, chat_id) == edited | {"status": "DELIVERED"}


def test_equal_values_change_nothing(alice: Person, bob: Person, chat_id: str) -> None:
    extras: Sent = {"metadata": {"a": 1}, "format": "markdown", "mentions": {"userIds": [bob.id], "all": True}}
    message = send(alice, chat_id, **extras)
    unchanged = data(edit(alice, message, content="Hello", **extras))
    assert (unchanged["rev"], unchanged["isEdited"]) == (message["rev"], False)


@pytest.mark.parametrize(("before", "after"), [(1, True), (False, 0), ([0], [False])])
def test_numbers_and_booleans_are_different_metadata(
    alice: Person, chat_id: str, before: object, after: object
) -> None:
    message = send(alice, chat_id, metadata={"a": before})
    changed = data(edit(alice, message, metadata={"a": after}))
    assert changed["rev"] == message["rev"] + 1
    assert json.dumps(changed["metadata"]) == json.dumps({"a": after})


def test_an_edit_needs_a_field(alice: Person, chat_id: str) -> None:
    assert problem(edit(alice, send(alice, chat_id))) == (422, "validation_error")


def test_a_tombstone_has_no_extras(alice: Person, bob: Person, chat_id: str) -> None:
    extras: Sent = {"metadata": {"a": 1}, "format": "markdown", "mentions": {"userIds": [bob.id], "all": True}}
    message = send(alice, chat_id, replyToId=send(bob, chat_id)["id"], **extras)
    data(edit(alice, message, content="Hi"))
    alice.delete(f"/messages/{message['id']}")
    assert set(newest(bob, chat_id)) == set(send(alice, chat_id))


def test_changes_are_listed_by_rev(alice: Person, bob: Person, chat_id: str) -> None:
    message = send(alice, chat_id)
    send(alice, chat_id)
    changed = data(edit(alice, message, metadata={"a": 1}))
    since = data(bob.get(f"/messages/{chat_id}?after={changed['rev'] - 1}"))
    assert [each["id"] for each in since] == [message["id"]]
    assert since[0]["metadata"] == {"a": 1}
    synced = data(bob.post("/sync", {"chats": {chat_id: changed["rev"] - 1}}))
    assert [each["metadata"] for each in synced["messages"][chat_id]] == [{"a": 1}]
