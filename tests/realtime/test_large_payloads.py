"""The largest acks and events reach their sockets, which stay connected."""

import uuid

import pytest
from sqlalchemy import Engine, text

from tests.conftest import Connect
from tests.people import Person, data
from tests.rest.test_sync_pages import fill, make_chats

AVATAR = "https://example.org/" + "a" * 2028
_MEMBERS = text(
    """
    WITH account AS (
        INSERT INTO users (id, email, email_key, username, password_hash, avatar)
        SELECT gen_random_uuid(), :prefix || n || '@example.org', :prefix || n || '@example.org', :prefix || n, 'x',
               :avatar
        FROM generate_series(101, 100 + :count) n RETURNING id
    ), joined AS (
        INSERT INTO members (chat_id, user_id) SELECT :chat_id, id FROM account
    )
    UPDATE chats SET member_count = member_count + :count WHERE id = :chat_id
    """
)


@pytest.fixture
def large_group(alice: Person, engine: Engine) -> str:
    """A group of alice and 150 others, all with the longest name and avatar."""
    chat_id = str(data(alice.post("/chats/groups", {"name": "Large"}))["id"])
    with engine.begin() as db:
        prefix = uuid.uuid4().hex[:17]
        db.execute(_MEMBERS, {"chat_id": chat_id, "prefix": prefix, "avatar": AVATAR, "count": 150})
    return chat_id


def test_a_chat_comes_with_its_first_hundred_members(
    alice: Person, bob: Person, large_group: str, connect: Connect
) -> None:
    socket = connect(bob)
    alice.post(f"/chats/{large_group}/members", {"userId": bob.id})
    chat = socket.wait_for("chat:new")
    assert (chat["memberCount"], len(chat["members"])) == (152, 100)
    members, cursor = [], None
    while True:
        page = bob.get(f"/chats/{large_group}/members", limit=60, cursor=cursor).json()
        members += page["data"]
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            break
    assert len({member["userId"] for member in members}) == 152
    assert members == sorted(members, key=lambda member: (member["joinedAt"], member["userId"]))
    assert [member["userId"] for member in chat["members"]] == [member["userId"] for member in members[:100]]
    assert data(bob.get(f"/chats/{large_group}"))["members"] == members[:100]
    assert members[-1]["userId"] == bob.id


def test_a_changed_chat_comes_without_members(alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id]}))["id"]
    socket = connect(bob)
    alice.patch(f"/chats/{chat_id}", {"name": "y"})
    chat = socket.wait_for("chat:updated")
    assert chat["name"] == "y"
    assert "members" not in chat


def test_a_sync_of_long_messages_leaves_the_socket_connected(
    alice: Person, bob: Person, engine: Engine, connect: Connect
) -> None:
    chat = alice.direct_chat(bob)
    fill(engine, alice, chat, 70)
    make_chats(engine, bob, 60, letters=100)
    socket = connect(bob)
    for _ in range(3):
        assert socket.call("sync", {"chats": {}})["data"]["nextCursor"]
    assert socket.call("sync", {"chats": {chat: 0}, "only": True})["data"]["more"] == [chat]
    assert socket.connected


def test_an_error_names_a_few_of_many_unknown_fields(alice: Person, connect: Connect) -> None:
    socket = connect(alice)
    error = socket.call("sync", {"chats": {}} | {f"{number}": 1 for number in range(5000)})["error"]
    assert error["code"] == "validation_error"
    assert len(error["errors"]) == 50


def test_members_are_listed_to_members_only(bob: Person, large_group: str) -> None:
    assert bob.get(f"/chats/{large_group}/members").status_code == 404
