"""A reply that waits for the deletion or the edit of its message quotes what that left: never the text of before.

Its statement began before the change was committed: whatever it reads without a lock is as old as that.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, text

from chatapp.core.db import writing
from chatapp.core.ids import new_id
from chatapp.features.messages.send_statements import SEND
from chatapp.representations.message import DELETION
from tests.conftest import Connect
from tests.locks import until_blocked
from tests.people import Person, data

Json = dict[str, Any]
SECRET = "the text of before"
CHANGES = {
    "deleted": f"UPDATE messages m SET rev = :rev, {DELETION} WHERE id = :id",
    "edited": "UPDATE messages SET rev = :rev, content = 'new', edited_at = now(), edit_count = 1 WHERE id = :id",
}
TOMBSTONE = {"id", "seq", "senderId", "isDeleted"}


def change(db: Connection, original: Json, how: str) -> None:
    """Delete or edit a message, as the server does, without committing it."""
    take_rev = "UPDATE chats SET last_rev = last_rev + 1 WHERE id = :id RETURNING last_rev"
    rev = db.execute(text(take_rev), {"id": original["chatId"]}).scalar_one()
    db.execute(text(CHANGES[how]), {"id": original["id"], "rev": rev})


@contextmanager
def changing(engine: Engine, original: Json, how: str) -> Iterator[Callable[[Future[Any]], Any]]:
    """Hold the locks of a change; the given function commits it once something waits for them, and returns the outcome of
    what waits."""
    with engine.connect() as db:
        change(db, original, how)

        def commit_when_blocked(waiting: Future[Any]) -> Any:
            until_blocked(engine, db, waiting)
            db.commit()
            return waiting.result(20)

        yield commit_when_blocked


def check_quote(quote: Json, how: str) -> None:
    assert SECRET not in str(quote)
    if how == "deleted":
        assert (set(quote), quote["isDeleted"]) == (TOMBSTONE, True)
    else:
        assert quote["content"] == "new"


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("others", [0, 2], ids=["alone", "in a batch"])
def test_the_statement_quotes_the_present_state(
    app: Flask, engine: Engine, alice: Person, bob: Person, how: str, others: int
) -> None:
    chat_id = alice.direct_chat(bob)
    original = alice.send(chat_id, SECRET)
    plain = {"chatId": chat_id, "senderId": bob.id, "type": "TEXT", "content": "x"}
    drafts: list[Json] = [plain | {"id": new_id(), "replyToId": original["id"]}]
    drafts += [plain | {"id": new_id()} for _ in range(others)]

    def send() -> list[Any]:
        with app.app_context(), writing() as db:
            return SEND[False, False, True].execute(db, {"drafts": orjson.dumps(drafts).decode(), "count": len(drafts)})

    with ThreadPoolExecutor(1) as pool, changing(engine, original, how) as commit:
        reply, *rest = commit(pool.submit(send))
    quote = reply[-3]
    check_quote(quote, how)
    assert [row[-2] for row in rest] == [None] * others


@pytest.mark.parametrize("how", CHANGES)
def test_response_and_event_never_have_the_text_of_before(
    engine: Engine, alice: Person, bob: Person, connect: Connect, how: str
) -> None:
    chat_id = alice.direct_chat(bob)
    socket = connect(alice)
    original = alice.send(chat_id, SECRET)
    socket.wait_for("message:new")
    body = {"chatId": chat_id, "content": "reply", "replyToId": original["id"]}
    with ThreadPoolExecutor(1) as pool, changing(engine, original, how) as commit:
        response = commit(pool.submit(bob.post, "/messages", body))
    assert SECRET not in response.text
    if how == "deleted" and response.status_code == 422:
        # The wait for the lock was over, and began again after the deletion.
        assert list(response.json()["errors"]) == ["replyToId"]
    else:
        event = socket.wait_for("message:new")
        assert event["replyTo"] == data(response)["replyTo"]
        check_quote(event["replyTo"], how)
        check_quote(data(alice.get(f"/messages/{chat_id}"))[0]["replyTo"], how)


def test_a_batch_behind_a_deletion_has_no_deleted_text(
    engine: Engine, alice: Person, bob: Person, connect: Connect
) -> None:
    chat_id = alice.direct_chat(bob)
    alices, bobs = connect(alice), connect(bob)
    original = alice.send(chat_id, SECRET)
    alices.wait_for("message:new")
    bodies = [{"chatId": chat_id, "content": str(n), "replyToId": original["id"] if n % 2 else None} for n in range(6)]
    with ThreadPoolExecutor(6) as pool, changing(engine, original, "deleted") as commit:
        waiting = [pool.submit(bobs.call, "message:send", body, timeout=20) for body in bodies]
        commit(waiting[0])
        acks = [each.result(20) for each in waiting]
    assert SECRET not in str(acks)
    sent = [ack["data"] for ack in acks if ack["ok"]]
    assert {body["content"] for body in bodies if not body["replyToId"]} <= {message["content"] for message in sent}
    events: dict[str, Json] = {}
    while len(events) < len(sent):
        event = alices.wait_for("message:new")
        events[event["id"]] = event
    assert SECRET not in str(events)
    for message in sent:
        assert events[message["id"]].get("replyTo") == message.get("replyTo")
        if "replyTo" in message:
            check_quote(message["replyTo"], "deleted")
