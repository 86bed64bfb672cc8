"""Messages since a `rev` are complete and in order, though not every message is indexed by `rev`."""

import random

from flask import Flask
from sqlalchemy import text

from chatapp.core.db import reading
from chatapp.features.messages.missed import changes_since
from chatapp.features.messages.pages import CHANGED_SINCE
from chatapp.features.messages.sync import missed
from tests.actions.conftest import actor
from tests.people import Person, data

EXPECTED = text("SELECT seq, rev FROM messages WHERE chat_id = :chat_id AND rev > :key ORDER BY rev")


def test_messages_since_any_rev(app: Flask, alice: Person, bob: Person) -> None:
    chat = data(alice.post("/chats/groups", {"name": "A group", "memberIds": [bob.id]}))["id"]
    choose = random.Random(1)
    sent: list[str] = []
    for number in range(60):
        match choose.randrange(5) if sent else 0:
            case 0 | 1:
                sent.append(alice.send(chat, str(number))["id"])
            case 2:
                data(alice.patch(f"/messages/{choose.choice(sent)}", {"content": f"edited {number}"}))
            case 3:
                data(alice.patch(f"/chats/{chat}", {"name": f"Group {number}"}))
            case _:
                assert alice.delete(f"/messages/{sent.pop(choose.randrange(len(sent)))}").status_code == 204
    last_rev = data(alice.get(f"/chats/{chat}"))["lastRev"]
    assert last_rev > 50
    who = {"chat_id": chat, "user_id": bob.id}
    for key in range(last_rev + 2):
        with app.app_context():
            with reading() as db:
                expected = [tuple(row) for row in db.execute(EXPECTED, who | {"key": key})]
                for limit in (1, 3, 1000):
                    found = CHANGED_SINCE.execute(db, who | {"key": key, "limit": limit})
                    assert [(seq, rev) for _, seq, rev, _ in found] == expected[:limit]
            replayed = changes_since({chat: key})[chat].changes
            assert [change.rev for change in replayed if change.kind == "MESSAGE"] == [rev for _, rev in expected]
            if key <= last_rev:
                response = missed(actor(bob), {chat: key}, only_named=True, cursor=None).response
                assert len(response["messages"].get(chat, [])) == len(expected)
