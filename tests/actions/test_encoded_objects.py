"""Lists have the same objects as single responses, though another SQL expression builds them."""

import random
from uuid import uuid4

import orjson
import pytest
from flask import Flask
from sqlalchemy import Engine, text

from chatapp.core.db import reading
from chatapp.features.messages.pages import BACK_IN_TIME
from chatapp.representations.chat import CHAT, CHAT_TEXT
from chatapp.representations.message import MESSAGE, MESSAGE_FETCHED, MESSAGE_JOINS, MESSAGE_TEXT
from chatapp.representations.user import USER_SEEN, USER_SEEN_TEXT
from tests.conftest import NewPerson
from tests.files.samples import image
from tests.people import Person, data

CHARACTERS = (
    "a 'quote', a \"double\" one, a \\ backslash, a\ttab, a line\nbreak, %s, :chat_id, {} and \N{GRINNING FACE}"
)
MESSAGES = text(
    f"""
    SELECT {MESSAGE}::text, {MESSAGE_TEXT}, {MESSAGE_FETCHED}
    FROM members me JOIN messages m ON m.chat_id = me.chat_id {MESSAGE_JOINS}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id ORDER BY m.seq DESC
    """
)
CHATS = text(
    f"SELECT {CHAT}::text, {CHAT_TEXT} FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id"
)
USERS = text(
    f"SELECT {USER_SEEN}::text, {USER_SEEN_TEXT} FROM users u WHERE u.id = ANY(CAST(:ids AS uuid[])) ORDER BY u.id"
)
ABOUT = text("UPDATE users SET display_name = :name, data = CAST(:data AS jsonb), is_bot = true WHERE id = :id")
MOVE = text(
    "UPDATE members SET joined_seq = :joined, read_seq = :read, delivered_seq = :delivered, reads_privately = :private "
    "WHERE chat_id = :chat_id AND user_id = :user_id"
)


def same(built: str, encoded: str) -> bool:
    """True if both are the same JSON, in the same order."""
    # PostgreSQL puts spaces into the `data` of apps.
    return orjson.dumps(orjson.loads(built)) == orjson.dumps(orjson.loads(encoded))


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A chat with every kind of message."""
    chat = alice.direct_chat(bob)
    alice.send(chat, CHARACTERS, clientId=str(uuid4()))
    data(alice.upload(chat, 'a "picture".jpg', image("JPEG"), content="see"))
    data(bob.patch(f"/messages/{bob.send(chat, 'first')['id']}", {"content": "second"}))
    assert bob.delete(f"/messages/{bob.send(chat, 'gone')['id']}").status_code == 204
    return chat


def test_messages(app: Flask, alice: Person, bob: Person, chat: str) -> None:
    with app.app_context(), reading() as db:
        for reader in (alice, bob):
            rows = db.execute(MESSAGES, {"chat_id": chat, "user_id": reader.id}).all()
            assert len(rows) == 4
            for built, encoded, fetched in rows:
                assert same(built, encoded)
                message = orjson.loads(built)
                status = "DELIVERED" if message["status"] == "SENT" and message["senderId"] != reader.id else None
                assert orjson.loads(fetched) == message | ({"status": status} if status else {})


def test_chats(app: Flask, alice: Person, bob: Person, carol: Person, chat: str) -> None:
    alice.direct_chat(carol)
    about = {"name": CHARACTERS[:90], "description": CHARACTERS, "avatar": "https://example.org/a.png"}
    data(alice.post("/chats/groups", about | {"memberIds": [bob.id]}))
    with app.app_context(), reading() as db:
        for reader in (alice, bob):
            rows = db.execute(CHATS, {"user_id": reader.id}).all()
            assert len(rows) == (3 if reader is alice else 2)
            assert all(same(built, encoded) for built, encoded in rows)


def test_users(app: Flask, alice: Person, bob: Person, engine: Engine) -> None:
    custom = {"a": [1.5, None, {"b": CHARACTERS}]}
    with engine.begin() as db:
        db.execute(ABOUT, {"id": bob.id, "name": CHARACTERS[:80], "data": orjson.dumps(custom).decode()})
    with app.app_context(), reading() as db:
        rows = db.execute(USERS, {"ids": [alice.id, bob.id], "user_id": alice.id}).all()
    assert all(same(built, encoded) for built, encoded in rows)
    plain, full = sorted((orjson.loads(encoded) for _, encoded in rows), key=len)
    assert (plain["id"], full["id"]) == (alice.id, bob.id)
    assert (full["displayName"], full["data"], full["isBot"]) == (CHARACTERS[:80], custom, True)
    assert not {"displayName", "data", "isBot"} & set(plain)


def test_status_in_a_page_is_that_of_a_message(app: Flask, engine: Engine, register_person: NewPerson) -> None:
    sender, *others = [register_person("member") for _ in range(4)]
    members = [other.id for other in others]
    chat = data(sender.post("/chats/groups", {"name": "A group", "memberIds": members}))["id"]
    for number in range(8):
        sender.send(chat, str(number))
    choose = random.Random(1)
    for _ in range(30):
        with engine.begin() as db:
            for member in members:
                joined, read, delivered = sorted(choose.randrange(9) for _ in range(3))
                values = {"joined": joined, "read": read, "delivered": delivered, "private": not choose.randrange(4)}
                db.execute(MOVE, values | {"chat_id": chat, "user_id": member})
        with app.app_context(), reading() as db:
            for reader in (sender, others[0]):
                who = {"chat_id": chat, "user_id": reader.id}
                page = BACK_IN_TIME.execute(db, who | {"key": 9, "limit": 10})
                single = db.execute(MESSAGES, who).all()
                assert [row[0] for row in page] == [fetched for _, _, fetched in single]
                assert len(page) == 8
