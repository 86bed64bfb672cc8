"""Paging around a message, single messages, files and mentions."""

import uuid
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import NewPerson
from tests.files.samples import PDF, image
from tests.people import Backend, Person, data, problem

Json = dict[str, Any]
LENGTH = 20


@pytest.fixture(scope="module")
def long_chat(register_person: NewPerson) -> tuple[Person, str, list[str]]:
    """A member of a chat of `LENGTH` messages, the chat, and the ids of its messages."""
    reader, other = register_person("reader"), register_person("other")
    chat_id = reader.direct_chat(other)
    return reader, chat_id, [other.send(chat_id, str(number))["id"] for number in range(1, LENGTH + 1)]


def seqs(response: requests.Response) -> list[int]:
    return [message["seq"] for message in data(response)]


def meta(response: requests.Response) -> Json:
    assert response.ok, response.text
    return dict(response.json()["meta"])


def down(first: int, last: int) -> list[int]:
    return list(range(first, last - 1, -1))


@pytest.mark.parametrize(
    ("around", "limit", "expected", "has_newer", "has_more"),
    [
        (10, 6, down(13, 8), True, True),
        (10, 5, down(12, 8), True, True),
        (10, 1, [10], True, True),
        (10, 100, down(20, 1), False, False),
        (3, 6, down(6, 1), True, False),
        (17, 6, down(20, 15), False, True),
        # Outside the history.
        (0, 6, down(4, 1), True, False),
        (10**15, 6, down(20, 18), False, True),
        (99999999999999999999, 6, down(20, 18), False, True),
    ],
)
def test_a_page_has_half_of_its_messages_on_each_side(
    long_chat: tuple[Person, str, list[str]],
    around: int,
    limit: int,
    expected: list[int],
    has_newer: bool,
    has_more: bool,
) -> None:
    reader, chat_id, _ = long_chat
    response = reader.get(f"/messages/{chat_id}", around=around, limit=limit)
    assert seqs(response) == expected
    found = meta(response)
    assert (found["hasNewer"], found["hasMore"]) == (has_newer, has_more)
    assert ("prevCursor" in found, found["nextCursor"] is not None) == (has_newer, has_more)


def test_an_id_selects_its_message(long_chat: tuple[Person, str, list[str]]) -> None:
    reader, chat_id, ids = long_chat
    by_seq = reader.get(f"/messages/{chat_id}", around=10, limit=6).json()
    assert reader.get(f"/messages/{chat_id}", around=ids[9], limit=6).json() == by_seq
    assert reader.get(f"/messages/{chat_id}", around=ids[9].upper(), limit=6).json() == by_seq


def test_newer_pages_continue_to_the_end(long_chat: tuple[Person, str, list[str]]) -> None:
    reader, chat_id, _ = long_chat
    response = reader.get(f"/messages/{chat_id}", around=4, limit=6)
    pages = [seqs(response)]
    while cursor := meta(response).get("prevCursor"):
        assert meta(response)["hasNewer"]
        response = reader.get(f"/messages/{chat_id}", cursor=cursor, limit=6)
        pages.append(seqs(response))
    assert pages == [down(7, 2), down(13, 8), down(19, 14), [20]]
    assert meta(response)["hasNewer"] is False


def test_both_kinds_of_pages_continue_to_the_start(long_chat: tuple[Person, str, list[str]]) -> None:
    reader, chat_id, _ = long_chat
    around = reader.get(f"/messages/{chat_id}", around=10, limit=6)
    newer = reader.get(f"/messages/{chat_id}", cursor=meta(around)["prevCursor"], limit=6)
    older = reader.get(f"/messages/{chat_id}", cursor=meta(around)["nextCursor"], limit=6)
    back = reader.get(f"/messages/{chat_id}", cursor=meta(newer)["nextCursor"], limit=6)
    assert [seqs(page) for page in (around, newer, older, back)] == [down(13, 8), down(19, 14), down(7, 2), down(13, 8)]
    assert set(meta(older)) == {"nextCursor", "hasMore"}


def test_other_pages_have_the_fields_of_before(long_chat: tuple[Person, str, list[str]]) -> None:
    reader, chat_id, _ = long_chat
    assert set(meta(reader.get(f"/messages/{chat_id}", limit=6))) == {"nextCursor", "hasMore"}
    assert set(meta(reader.get(f"/messages/{chat_id}", after=6))) == {"nextCursor", "hasMore"}


@pytest.mark.parametrize("around", ["", "-1", "1.5", "x", "0x1", "01a209c0-dd89-7528-89ae-40572c1fa41", "9" * 21])
def test_around_names_a_seq_or_an_id(long_chat: tuple[Person, str, list[str]], around: str) -> None:
    reader, chat_id, _ = long_chat
    refused = reader.get(f"/messages/{chat_id}", around=around)
    assert problem(refused) == (422, "validation_error")
    assert list(refused.json()["errors"]) == ["around"]


def test_around_excludes_after_and_cursor(long_chat: tuple[Person, str, list[str]]) -> None:
    reader, chat_id, _ = long_chat
    cursor = meta(reader.get(f"/messages/{chat_id}", limit=6))["nextCursor"]
    for other in ({"after": 0}, {"cursor": cursor}):
        assert problem(reader.get(f"/messages/{chat_id}", around=0, **other)) == (422, "validation_error")


def test_messages_of_other_chats_are_not_found(
    long_chat: tuple[Person, str, list[str]], alice: Person, bob: Person
) -> None:
    reader, chat_id, ids = long_chat
    elsewhere = alice.send(alice.direct_chat(bob), "Elsewhere")["id"]
    for other in (elsewhere, str(uuid.uuid4())):
        assert problem(reader.get(f"/messages/{chat_id}", around=other)) == (404, "not_found")
        assert problem(reader.get(f"/chats/{chat_id}/messages/{other}")) == (404, "not_found")
    # Nor with the chat of the message, for others.
    assert problem(alice.get(f"/messages/{chat_id}", around=ids[0])) == (404, "not_found")
    assert problem(alice.get(f"/messages/{chat_id}", around=1)) == (404, "not_found")
    assert problem(alice.get(f"/chats/{chat_id}/messages/{ids[0]}")) == (404, "not_found")


def test_an_empty_chat_has_nothing_around_a_seq(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    response = alice.get(f"/messages/{chat_id}", around=1)
    assert (data(response), meta(response)) == ([], {"nextCursor": None, "hasMore": False, "hasNewer": False})


def test_tombstones_are_on_the_page(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    ids = [alice.send(chat_id, str(number))["id"] for number in range(3)]
    alice.delete(f"/messages/{ids[1]}")
    shown = data(bob.get(f"/messages/{chat_id}", around=ids[1]))
    assert [message["isDeleted"] for message in shown] == [False, True, False]


def test_servers_page_around_a_message_too(backend: Backend, long_chat: tuple[Person, str, list[str]]) -> None:
    _, chat_id, ids = long_chat
    path = f"/server/chats/{chat_id}/messages"
    around = backend.get(path, around=ids[9], limit=6)
    newer = backend.get(path, cursor=meta(around)["prevCursor"], limit=6)
    older = backend.get(path, cursor=meta(around)["nextCursor"], limit=6)
    back = backend.get(path, cursor=meta(newer)["nextCursor"], limit=6)
    assert [seqs(page) for page in (around, newer, older, back)] == [down(13, 8), down(19, 14), down(7, 2), down(13, 8)]
    assert (meta(around)["hasNewer"], meta(newer)["hasNewer"]) == (True, True)
    assert problem(backend.get(path, around=str(uuid.uuid4()))) == (404, "not_found")


def test_a_message_is_read_by_its_id(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    sent = alice.send(chat_id, "Hello", metadata={"a": 1})
    assert data(bob.get(f"/chats/{chat_id}/messages/{sent['id']}")) == sent | {"status": "DELIVERED"}
    assert data(alice.get(f"/chats/{chat_id}/messages/{sent['id']}"))["status"] == "DELIVERED"


@pytest.mark.parametrize("path", ["/messages/{chat}?around={seq}", "/chats/{chat}/files", "/users/me/mentions"])
def test_what_is_fetched_is_delivered(alice: Person, bob: Person, path: str) -> None:
    chat_id = alice.direct_chat(bob)
    sent = data(alice.upload(chat_id, "a.pdf", PDF, mentions=f'{{"userIds": ["{bob.id}"]}}'))
    assert data(bob.get(path.format(chat=chat_id, seq=sent["seq"])))[0]["status"] == "DELIVERED"
    assert data(alice.get(f"/chats/{chat_id}/messages/{sent['id']}"))["status"] == "DELIVERED"


def test_only_shown_messages_are_delivered(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    ids = [alice.send(chat_id, str(number))["id"] for number in range(5)]
    assert seqs(bob.get(f"/messages/{chat_id}", around=2, limit=2)) == [3, 2]
    statuses = [data(alice.get(f"/chats/{chat_id}/messages/{id}"))["status"] for id in ids]
    assert statuses == ["DELIVERED"] * 3 + ["SENT"] * 2


def test_keys_that_act_as_a_user_deliver_nothing(backend: Backend, alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    sent = alice.send(chat_id, "Hello")
    path = f"/chats/{chat_id}/messages/{sent['id']}"
    data(backend.get(path, act_as=bob.id))
    data(backend.get(f"/messages/{chat_id}", around=1, act_as=bob.id))
    assert data(alice.get(path))["status"] == "SENT"


@pytest.fixture(scope="module")
def chat_with_files(register_person: NewPerson) -> tuple[Person, str]:
    """A member of a chat with two images, two documents, texts, and the tombstone of a file."""
    reader, other = register_person("reader"), register_person("other")
    chat_id = reader.direct_chat(other)
    for number in range(2):
        data(other.upload(chat_id, f"{number}.pdf", PDF))
        other.send(chat_id, "Text")
        data(other.upload(chat_id, f"{number}.png", image("PNG")))
    deleted = data(other.upload(chat_id, "deleted.pdf", PDF))
    other.delete(f"/messages/{deleted['id']}")
    return reader, chat_id


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["1.png", "1.pdf", "0.png", "0.pdf"]),
        ({"type": "IMAGE"}, ["1.png", "0.png"]),
        ({"type": "FILE"}, ["1.pdf", "0.pdf"]),
    ],
)
def test_files_are_listed_newest_first(chat_with_files: tuple[Person, str], query: Json, names: list[str]) -> None:
    reader, chat_id = chat_with_files
    assert [message["fileName"] for message in data(reader.get(f"/chats/{chat_id}/files", **query))] == names
    found, cursor = [], None
    while True:
        page = reader.get(f"/chats/{chat_id}/files", limit=1, **query, **({"cursor": cursor} if cursor else {}))
        found += [message["fileName"] for message in data(page)]
        if not (cursor := meta(page)["nextCursor"]):
            break
    assert found == names


def test_cursors_of_files_are_those_of_their_list(chat_with_files: tuple[Person, str]) -> None:
    reader, chat_id = chat_with_files
    path = f"/chats/{chat_id}/files"
    cursor = meta(reader.get(path, limit=1))["nextCursor"]
    assert problem(reader.get(path, cursor=cursor, type="FILE")) == (400, "cursor_invalid")
    assert problem(reader.get(path, cursor="x")) == (400, "cursor_invalid")
    assert problem(reader.get(path, type="TEXT")) == (422, "validation_error")


def mentioning(reader: Person) -> list[str]:
    return [message["content"] for message in data(reader.get("/users/me/mentions"))]


def mention(sender: Person, chat_id: str, content: str, *others: Person, all: bool = False) -> Json:
    return sender.send(chat_id, content, mentions={"userIds": [other.id for other in others], "all": all})


def test_mentions_are_listed_newest_first(alice: Person, bob: Person, carol: Person) -> None:
    direct, group = alice.direct_chat(bob), alice.group(bob, carol)
    mention(alice, direct, "1", bob)
    mention(alice, group, "all", all=True)
    mention(alice, group, "carol", carol)
    mention(carol, group, "2", bob, all=True)
    mention(alice, direct, "3", bob)
    assert mentioning(bob) == ["3", "2", "1"]
    bob.post(f"/messages/{direct}/read", {})
    first = bob.get("/users/me/mentions", limit=2)
    rest = bob.get("/users/me/mentions", limit=2, cursor=meta(first)["nextCursor"])
    assert [message["content"] for message in [*data(first), *data(rest)]] == ["3", "2", "1"]
    assert problem(carol.get("/users/me/mentions", cursor=meta(first)["nextCursor"])) == (400, "cursor_invalid")


def test_edits_and_deletions_change_the_mentions(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    removed, deleted = mention(alice, chat_id, "removed", bob), mention(alice, chat_id, "deleted", bob)
    added = alice.send(chat_id, "added")
    data(alice.patch(f"/messages/{removed['id']}", {"mentions": None}))
    data(alice.patch(f"/messages/{added['id']}", {"mentions": {"userIds": [bob.id]}}))
    alice.delete(f"/messages/{deleted['id']}")
    assert mentioning(bob) == ["added"]


def test_who_leaves_loses_the_mentions(alice: Person, bob: Person) -> None:
    group = alice.group(bob)
    mention(alice, group, "before", bob)
    bob.delete(f"/chats/{group}/leave")
    assert mentioning(bob) == []
    alice.post(f"/chats/{group}/members", {"userId": bob.id})
    mention(alice, group, "after", bob)
    assert mentioning(bob) == ["after"]


@pytest.mark.parametrize("is_bot", [False, True])
def test_what_remained_of_an_earlier_membership_is_not_listed(
    backend: Backend, engine: Engine, alice: Person, is_bot: bool
) -> None:
    """A send that waited while the member left may store a mention after the departure."""
    external_id = f"m-{uuid.uuid4().hex}"
    body = {"displayName": "Reader", **({"isBot": True} if is_bot else {})}
    reader = data(backend.put(f"/server/users/{external_id}", body))["id"]
    group = alice.group()
    added = {"userId": reader}
    alice.post(f"/chats/{group}/members", added)
    before = data(alice.post("/messages", {"chatId": group, "content": "before", "mentions": {"userIds": [reader]}}))
    alice.delete(f"/chats/{group}/members/{reader}")
    with engine.begin() as db:
        leave_behind = """
            INSERT INTO mentions (user_id, chat_id, seq, message_id, sender_id)
            SELECT :user_id, chat_id, seq, id, sender_id FROM messages WHERE id = :id
        """
        db.execute(text(leave_behind), {"user_id": reader, "id": before["id"]})
    assert data(backend.get("/users/me/mentions", act_as=reader)) == []
    alice.post(f"/chats/{group}/members", added)
    assert data(backend.get("/users/me/mentions", act_as=reader)) == []
    after = data(alice.post("/messages", {"chatId": group, "content": "after", "mentions": {"userIds": [reader]}}))
    assert [each["id"] for each in data(backend.get("/users/me/mentions", act_as=reader))] == [after["id"]]
