"""The earlier texts of edited messages, and who can read them."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from tests.people import Person, data, problem, register
from tests.server import Server

Sent = dict[str, Any]


def edit(sender: Person, message: Sent, **fields: Any) -> Sent:
    edited: Sent = data(sender.patch(f"/messages/{message['id']}", fields))
    return edited


def versions(reader: Person, message: Sent, **query: Any) -> requests.Response:
    return reader.get(f"/messages/{message['id']}/versions", **query)


def test_earlier_texts_are_listed_and_the_current_one_last(alice: Person, bob: Person) -> None:
    message = alice.send(alice.direct_chat(bob), "One")
    assert data(versions(bob, message)) == [
        {"version": 1, "content": "One", "at": message["createdAt"], "isCurrent": True}
    ]
    second = edit(alice, message, content="Two")
    third = edit(alice, message, content="Three")
    assert data(versions(bob, message)) == [
        {"version": 1, "content": "One", "at": message["createdAt"]},
        {"version": 2, "content": "Two", "at": second["editedAt"]},
        {"version": 3, "content": "Three", "at": third["editedAt"], "isCurrent": True},
    ]


def test_only_new_texts_are_versions(alice: Person, bob: Person) -> None:
    message = alice.send(alice.direct_chat(bob), "One")
    edit(alice, message, content="One", metadata={"a": 1})
    edit(alice, message, format="markdown")
    assert [version["content"] for version in data(versions(bob, message))] == ["One"]


def test_versions_are_for_members(alice: Person, bob: Person, carol: Person) -> None:
    group = alice.group(bob)
    message = alice.send(group, "One")
    assert problem(versions(carol, message)) == (404, "not_found")
    assert data(versions(bob, message))
    bob.delete(f"/chats/{group}/leave")
    assert problem(versions(bob, message)) == (404, "not_found")


def test_a_deletion_erases_all_versions(alice: Person, bob: Person, engine: Engine) -> None:
    message = alice.send(alice.direct_chat(bob), "One")
    edit(alice, message, content="Two")
    alice.delete(f"/messages/{message['id']}")
    assert problem(versions(alice, message)) == (409, "message_deleted")
    with engine.connect() as db:
        kept = db.scalar(text("SELECT count(*) FROM message_versions WHERE message_id = :id"), {"id": message["id"]})
    assert kept == 0


def test_a_message_can_be_edited_100_times(alice: Person, bob: Person) -> None:
    message = alice.send(alice.direct_chat(bob), "0")
    for number in range(1, 101):
        edit(alice, message, content=str(number))
    refused = alice.patch(f"/messages/{message['id']}", {"content": "101"})
    assert problem(refused) == (409, "too_many_edits")
    edit(alice, message, metadata={"a": 1})
    first = versions(bob, message, limit=100).json()
    rest = data(versions(bob, message, limit=100, cursor=first["meta"]["nextCursor"]))
    assert [version["content"] for version in (*first["data"], *rest)] == [str(number) for number in range(101)]
    assert [version["version"] for version in rest] == [101]
    assert rest[0]["isCurrent"]
    other = alice.send(message["chatId"], "other")
    cursor = first["meta"]["nextCursor"]
    assert problem(versions(bob, other, cursor=cursor)) == (400, "cursor_invalid")


class Members:
    """A group on a server of its own: its ADMIN, the author of a message, another member, a moderator and a stranger."""

    def __init__(self, server: Server, engine: Engine) -> None:
        self.owner, self.author, self.member, self.moderator, self.stranger = (
            register(server.url, name) for name in ("owner", "author", "member", "moderator", "stranger")
        )
        with engine.begin() as db:
            promote = "UPDATE users SET role = 'MODERATOR' WHERE id = ANY(CAST(:ids AS uuid[]))"
            db.execute(text(promote), {"ids": [self.moderator.id, self.stranger.id]})
        group = self.owner.group(self.author, self.member, self.moderator)
        self.message = self.author.send(group, "One")
        edit(self.author, self.message, content="Two")
        self.direct = self.author.send(self.author.direct_chat(self.member), "One")
        edit(self.author, self.direct, content="Two")


@pytest.fixture(scope="module")
def with_admins(database_url: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Members]:
    """On a server with `EDIT_HISTORY=admins` and an `EDIT_WINDOW`."""
    with Server(database_url, tmp_path_factory.mktemp("admins"), EDIT_HISTORY="admins", EDIT_WINDOW="15m") as server:
        yield Members(server, engine)


@pytest.mark.parametrize("who", ["owner", "moderator"])
def test_admins_and_moderators_of_the_group_read_earlier_texts(with_admins: Members, who: str) -> None:
    read = data(versions(getattr(with_admins, who), with_admins.message))
    assert [version["content"] for version in read] == ["One", "Two"]


@pytest.mark.parametrize("who", ["author", "member"])
def test_with_admins_other_members_read_none(with_admins: Members, who: str) -> None:
    assert problem(versions(getattr(with_admins, who), with_admins.message)) == (403, "forbidden")


def test_moderators_see_no_messages_of_chats_that_they_are_not_in(with_admins: Members) -> None:
    assert problem(versions(with_admins.stranger, with_admins.message)) == (404, "not_found")


@pytest.mark.parametrize("who", ["author", "member"])
def test_both_users_of_a_direct_chat_read_earlier_texts(with_admins: Members, who: str) -> None:
    assert len(data(versions(getattr(with_admins, who), with_admins.direct))) == 2


def test_texts_can_be_edited_within_the_window_only(with_admins: Members, engine: Engine) -> None:
    author, message = with_admins.author, with_admins.author.send(with_admins.direct["chatId"], "One")
    edit(author, message, content="Two")
    with engine.begin() as db:
        aged = "UPDATE messages SET created_at = created_at - interval '16 minutes' WHERE id = :id"
        db.execute(text(aged), {"id": message["id"]})
    refused = author.patch(f"/messages/{message['id']}", {"content": "Three"})
    assert problem(refused) == (409, "edit_window_over")
    assert edit(author, message, content="Two", metadata={"a": 1})["metadata"] == {"a": 1}


def test_without_a_history_there_is_the_current_text_only(
    database_url: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Server(database_url, tmp_path_factory.mktemp("off"), EDIT_HISTORY="off") as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        message = alice.send(alice.direct_chat(bob), "One")
        edit(alice, message, content="Two")
        # Kept before the history was turned off.
        kept = "INSERT INTO message_versions (message_id, version, content, at) VALUES (:id, 1, 'One', now())"
        with engine.begin() as db:
            db.execute(text(kept), {"id": message["id"]})
        edited = edit(alice, message, content="Three")
        assert data(versions(bob, message)) == [
            {"version": 3, "content": "Three", "at": edited["editedAt"], "isCurrent": True}
        ]
        with engine.connect() as db:
            count = db.scalar(
                text("SELECT count(*) FROM message_versions WHERE message_id = :id"), {"id": message["id"]}
            )
        assert count == 1
        names = data(requests.get(f"{server.url}/api/v1/capabilities", timeout=20))["features"]
        assert "edit_history" not in names
