"""Blocks and settings that wait for a lock, and what waits for theirs: each sees what was committed meanwhile."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import Connection, Engine, text

from tests.locks import until_blocked
from tests.people import Person, data, problem
from tests.rest.test_blocks import block, send, unblock
from tests.rest.test_my_settings import change

Call = Callable[[], requests.Response]
INSERT_BLOCK = "INSERT INTO blocks (user_id, blocked_id, created_at) VALUES (:user_id, :blocked_id, now())"
LOCK_PAIR = "SELECT pg_advisory_xact_lock(hashtextextended(:key, 2))"


def run(db: Connection, statement: str, **values: Any) -> None:
    db.execute(text(statement), values)


def after_commit(engine: Engine, call: Call, change: Callable[[Connection], object]) -> requests.Response:
    """The response to a call that waits for the locks of a change, which is committed then."""
    with ThreadPoolExecutor(1) as pool, engine.connect() as db:
        change(db)
        waiting = pool.submit(call)
        until_blocked(engine, db, waiting)
        db.commit()
        return waiting.result(20)


def put_block(person: Person, other: Person) -> requests.Response:
    return person.request("PUT", f"/users/me/blocks/{other.id}")


@pytest.mark.parametrize("what", ["send", "edit", "react", "pin", "forward"])
def test_what_waits_for_a_block_is_refused(
    engine: Engine, alice: Person, bob: Person, carol: Person, what: str
) -> None:
    chat_id, other = alice.direct_chat(bob), bob.direct_chat(carol)
    message_id, source = bob.send(chat_id, "mine")["id"], bob.send(other, "x")["id"]
    calls: dict[str, Call] = {
        "send": lambda: send(bob, chat_id),
        "edit": lambda: bob.patch(f"/messages/{message_id}", {"content": "y"}),
        "react": lambda: bob.request("PUT", f"/messages/{message_id}/reactions/👍"),
        "pin": lambda: bob.request("PUT", f"/messages/{message_id}/pin"),
        "forward": lambda: bob.post(
            "/messages/forward", {"messageIds": [source], "chatIds": [chat_id], "clientId": str(uuid.uuid4())}
        ),
    }

    def block_it(db: Connection) -> None:
        run(db, "SELECT FROM chats WHERE id = :id FOR NO KEY UPDATE", id=chat_id)
        run(db, INSERT_BLOCK, user_id=alice.id, blocked_id=bob.id)
        run(db, "UPDATE chats SET is_closed = true WHERE id = :id", id=chat_id)

    assert problem(after_commit(engine, calls[what], block_it)) == (403, "cannot_send")
    assert [message["content"] for message in data(alice.get(f"/messages/{chat_id}"))] == ["mine"]
    assert "reactions" not in data(alice.get(f"/messages/{chat_id}"))[0]


def test_a_block_waits_for_a_send(engine: Engine, alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)

    def hold(db: Connection) -> None:
        run(db, "SELECT FROM chats WHERE id = :id FOR NO KEY UPDATE", id=chat_id)

    assert after_commit(engine, lambda: put_block(alice, bob), hold).status_code == 204
    assert problem(send(bob, chat_id)) == (403, "cannot_send")


def test_a_new_direct_chat_waits_for_a_block(engine: Engine, alice: Person, bob: Person) -> None:
    def block_it(db: Connection) -> None:
        run(db, LOCK_PAIR, key=":".join(sorted((alice.id, bob.id))))
        run(db, INSERT_BLOCK, user_id=alice.id, blocked_id=bob.id)

    refused = after_commit(engine, lambda: bob.post("/chats/direct", {"userId": alice.id}), block_it)
    assert problem(refused) == (404, "not_found")
    assert data(bob.get("/chats")) == []


def test_a_block_waits_for_a_new_direct_chat(engine: Engine, alice: Person, bob: Person) -> None:
    key = ":".join(sorted((alice.id, bob.id)))
    chat_id = str(uuid.uuid4())

    def open_it(db: Connection) -> None:
        run(db, LOCK_PAIR, key=key)
        chat = "INSERT INTO chats (id, type, direct_key, member_count, last_rev) VALUES (:id, 'DIRECT', :key, 2, 1)"
        run(db, chat, id=chat_id, key=key)
        for person in (alice, bob):
            run(db, "INSERT INTO members (chat_id, user_id) VALUES (:id, :user_id)", id=chat_id, user_id=person.id)

    assert after_commit(engine, lambda: put_block(alice, bob), open_it).status_code == 204
    assert problem(send(bob, chat_id)) == (403, "cannot_send")


def test_the_limit_of_blocks_is_exact(engine: Engine, alice: Person, bob: Person, carol: Person) -> None:
    fill = """
        WITH new AS (
            INSERT INTO users (id, username)
            SELECT gen_random_uuid(), 'l' || substr(md5(n || :id), 1, 15) FROM generate_series(1, 999) n RETURNING id
        )
        INSERT INTO blocks (user_id, blocked_id, created_at) SELECT CAST(:id AS uuid), id, now() FROM new
    """
    with engine.begin() as db:
        run(db, fill, id=alice.id)
    with ThreadPoolExecutor(2) as pool, engine.connect() as db:
        run(db, "SELECT FROM users WHERE id = :id FOR NO KEY UPDATE", id=alice.id)
        waiting = [pool.submit(put_block, alice, other) for other in (bob, carol)]
        for each in waiting:
            until_blocked(engine, db, each)
        db.commit()
        assert sorted(each.result(20).status_code for each in waiting) == [204, 409]
    with engine.begin() as db:
        gone = "DELETE FROM blocks WHERE user_id = :id RETURNING blocked_id"
        run(
            db,
            f"WITH gone AS ({gone}) DELETE FROM users USING gone WHERE id = blocked_id AND email IS NULL",
            id=alice.id,
        )


def test_unblocking_waits_for_an_erasure(engine: Engine, alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    block(alice, bob)

    def erase(db: Connection) -> None:
        run(db, "UPDATE users SET deleted_at = now(), is_active = false WHERE id = :id", id=bob.id)

    after_commit(engine, lambda: alice.delete(f"/users/me/blocks/{bob.id}"), erase)
    assert problem(send(alice, chat_id)) == (403, "cannot_send")


def reads_privately(engine: Engine, person: Person, chat_id: str) -> bool:
    with engine.connect() as db:
        found = db.execute(
            text("SELECT reads_privately FROM members WHERE chat_id = :chat_id AND user_id = :user_id"),
            {"chat_id": chat_id, "user_id": person.id},
        )
        return bool(found.scalar_one())


@pytest.mark.parametrize("how", ["added", "new group", "direct chat"])
def test_a_new_membership_waits_for_a_change_of_read_receipts(
    engine: Engine, alice: Person, bob: Person, how: str
) -> None:
    group = alice.group()
    calls: dict[str, Call] = {
        "added": lambda: alice.post(f"/chats/{group}/members", {"userId": bob.id}),
        "new group": lambda: alice.post("/chats/groups", {"name": "New", "memberIds": [bob.id]}),
        "direct chat": lambda: alice.post("/chats/direct", {"userId": bob.id}),
    }

    def hide(db: Connection) -> None:
        run(db, "SELECT FROM users WHERE id = :id FOR UPDATE", id=bob.id)
        run(db, """UPDATE users SET settings = '{"readReceipts": false}' WHERE id = :id""", id=bob.id)

    created = data(after_commit(engine, calls[how], hide))
    assert reads_privately(engine, bob, group if how == "added" else created["id"])


def test_a_change_of_read_receipts_waits_for_a_new_membership(engine: Engine, alice: Person, bob: Person) -> None:
    group = alice.group()

    def add(db: Connection) -> None:
        run(db, "INSERT INTO members (chat_id, user_id) VALUES (:id, :user_id)", id=group, user_id=bob.id)

    response = after_commit(engine, lambda: bob.patch("/users/me/settings", {"readReceipts": False}), add)
    assert data(response)["readReceipts"] is False
    assert reads_privately(engine, bob, group)


def test_other_settings_wait_for_no_send(engine: Engine, alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    with engine.connect() as db:
        # As a send: the row of the member, and a reference to the user.
        run(db, "SELECT FROM members WHERE chat_id = :id AND user_id = :me FOR NO KEY UPDATE", id=chat_id, me=alice.id)
        run(db, "SELECT FROM users WHERE id = :id FOR KEY SHARE", id=alice.id)
        assert change(alice, typing=False)["meRev"] == 1
        block(alice, bob)
        unblock(alice, bob)
