"""A message that is stored alone is stored as in a batch."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson
import psycopg2
import pytest
from flask import Flask
from sqlalchemy import text

from chatapp.core.db import writing
from chatapp.core.ids import new_id
from chatapp.features.messages.send_statements import COLUMNS, SEND, SEND_ONE
from tests.people import Person

STORED = text(
    """
    SELECT m.seq, m.rev, m.sender_id::text, m.type, m.content, m.upload_id, m.client_id::text, m.client_digest::text,
           m.created_at = c.updated_at, c.last_seq, c.last_rev, me.read_seq, me.delivered_seq
    FROM messages m JOIN chats c ON c.id = m.chat_id
    JOIN members me ON me.chat_id = m.chat_id AND me.user_id = m.sender_id WHERE m.id = :id
    """
)
CLIENT_ID = str(uuid4())
DIGEST = r"\x00ff"


def run(single: bool, draft: Mapping[str, object]) -> tuple[Any, Any]:
    """What a statement returns without the time, and the rows that it wrote; nothing is committed."""
    with writing() as db:
        if single:
            rows = SEND_ONE.execute(db, dict.fromkeys(COLUMNS) | dict(draft))
        else:
            rows = SEND[False, False, False].execute(db, {"drafts": orjson.dumps([draft]).decode(), "count": 1})
        stored = db.execute(STORED, {"id": draft["id"]}).all()
        db.rollback()
    return [[*row[:3], *row[4:]] for row in rows], stored


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clientId": CLIENT_ID, "clientDigest": DIGEST},
        {"content": "a 'quote', a \\ backslash, %s, :chatId and \N{GRINNING FACE}"},
        {"type": "FILE"},
        {"senderId": "stranger"},
        {"chatId": str(uuid4())},
    ],
    ids=["plain", "clientId", "characters", "type", "no member", "no chat"],
)
def test_a_message_alone_is_stored_as_in_a_batch(
    app: Flask, alice: Person, bob: Person, carol: Person, changes: dict[str, str]
) -> None:
    chat = alice.direct_chat(bob)
    draft = {"id": new_id(), "chatId": chat, "senderId": alice.id, "type": "TEXT", "content": "hi", "clientId": None}
    draft |= {name: carol.id if value == "stranger" else value for name, value in changes.items()}
    with app.app_context():
        alone, batched = run(True, draft), run(False, draft)
    assert alone == batched
    assert len(alone[0]) == ("senderId" not in changes and "chatId" not in changes)


def test_a_message_that_was_sent_before_is_not_stored_again(app: Flask, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    sent = alice.send(chat, "hi", clientId=CLIENT_ID)
    draft = {"id": new_id(), "chatId": chat, "senderId": alice.id, "type": "TEXT", "content": "hi"}
    draft["clientId"] = sent["clientId"]
    with app.app_context():
        assert run(True, draft) == run(False, draft) == ([], [])


def test_a_file_that_is_gone_is_an_error(app: Flask, alice: Person, bob: Person) -> None:
    draft = {"id": new_id(), "chatId": alice.direct_chat(bob), "senderId": alice.id, "type": "FILE", "content": ""}
    draft["uploadId"] = str(uuid4())
    with app.app_context():
        for single in (True, False):
            with pytest.raises(psycopg2.IntegrityError):
                run(single, draft)
