"""Pins and forwards that wait for a lock see what was committed meanwhile."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from sqlalchemy import Connection, Engine, text

from tests.people import Person, data, problem
from tests.waiting import eventually

Sent = dict[str, Any]
Call = Callable[[], requests.Response]
# A change of the original, as of another transaction.
DELETE = """
    WITH chat AS (UPDATE chats SET last_rev = last_rev + 1 WHERE id = :chat_id RETURNING last_rev)
    UPDATE messages SET content = NULL, deleted_at = now(), rev = chat.last_rev FROM chat WHERE messages.id = :id
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@contextmanager
def changed_meanwhile(
    engine: Engine, calls: Sequence[Call], change: Callable[[Connection], object]
) -> Iterator[list[Future[requests.Response]]]:
    """Make calls while a change is not committed, and commit it once all of them wait; yields their responses."""
    with ThreadPoolExecutor(len(calls)) as pool, engine.connect() as db:
        change(db)
        futures = [pool.submit(call) for call in calls]
        eventually(lambda: db.execute(text(WAITING)).scalar() == len(calls), 10)
        db.commit()
        yield futures


def lock(chat_id: str) -> Callable[[Connection], object]:
    return lambda db: db.execute(text("SELECT FROM chats WHERE id = :id FOR NO KEY UPDATE"), {"id": chat_id})


def pin(person: Person, message: Sent) -> Call:
    return lambda: person.request("PUT", f"/messages/{message['id']}/pin")


def forward(person: Person, message: Sent, *chat_ids: str) -> Call:
    body = {"messageIds": [message["id"]], "chatIds": chat_ids, "clientId": str(uuid.uuid4())}
    return lambda: person.post("/messages/forward", body)


@pytest.fixture
def source(alice: Person, bob: Person) -> str:
    """A chat whose messages alice forwards."""
    return alice.direct_chat(bob)


@pytest.fixture
def target(alice: Person, carol: Person) -> str:
    """A group that she forwards them to."""
    return carol.group(alice)


def test_pins_at_the_same_time_do_not_exceed_the_limit(alice: Person, bob: Person, engine: Engine, source: str) -> None:
    messages = [alice.send(source, str(number)) for number in range(101)]
    with engine.begin() as db:
        pinned = "UPDATE messages SET pinned_at = now(), pinned_by = sender_id WHERE chat_id = :id AND seq < 100"
        db.execute(text(pinned), {"id": source})
    calls = [pin(alice, messages[99]), pin(bob, messages[100])]
    with changed_meanwhile(engine, calls, lock(source)) as responses:
        assert sorted(response.result().status_code for response in responses) == [200, 409]
    assert data(alice.get(f"/chats/{source}"))["pinCount"] == 100


def test_pins_at_the_same_time_have_times_of_their_own(alice: Person, bob: Person, engine: Engine, source: str) -> None:
    messages = [alice.send(source, str(number)) for number in range(3)]
    with changed_meanwhile(engine, [pin(alice, message) for message in messages], lock(source)) as responses:
        times = {data(response.result())["pinnedAt"] for response in responses}
    assert len(times) == 3


def test_a_message_that_is_deleted_meanwhile_is_not_pinned(
    alice: Person, bob: Person, engine: Engine, source: str
) -> None:
    message = alice.send(source, "Hello")
    change = {"id": message["id"], "chat_id": source}
    with changed_meanwhile(engine, [pin(bob, message)], lambda db: db.execute(text(DELETE), change)) as [response]:
        assert problem(response.result()) == (409, "message_deleted")


def test_a_message_that_is_deleted_meanwhile_is_not_forwarded(
    alice: Person, bob: Person, engine: Engine, source: str, target: str
) -> None:
    message = bob.send(source, "Hello")
    change = {"id": message["id"], "chat_id": source}
    call = forward(alice, message, target)
    with changed_meanwhile(engine, [call], lambda db: db.execute(text(DELETE), change)) as [response]:
        assert problem(response.result()) == (409, "message_deleted")
    assert data(alice.get(f"/messages/{target}")) == []


def test_a_message_is_forwarded_as_edited_meanwhile(
    alice: Person, bob: Person, engine: Engine, source: str, target: str
) -> None:
    message = bob.send(source, "Hello")

    def edit(db: Connection) -> None:
        lock(source)(db)
        db.execute(text("UPDATE messages SET content = 'Hi' WHERE id = :id"), {"id": message["id"]})

    with changed_meanwhile(engine, [forward(alice, message, target)], edit) as [response]:
        assert [copy["content"] for copy in data(response.result())] == ["Hi"]


@pytest.mark.parametrize("place", ["source", "target"])
def test_a_member_who_is_removed_meanwhile_forwards_nothing(
    alice: Person, carol: Person, engine: Engine, target: str, place: str
) -> None:
    groups = {"source": target, "target": carol.group(alice)}
    message = carol.send(groups["source"], "Hello")
    gone = {"chat_id": groups[place], "user_id": alice.id}

    def remove(db: Connection) -> None:
        db.execute(text("DELETE FROM members WHERE chat_id = :chat_id AND user_id = :user_id"), gone)

    with changed_meanwhile(engine, [forward(alice, message, groups["target"])], remove) as [response]:
        assert problem(response.result()) == (404, "not_found")
    assert data(carol.get(f"/messages/{groups['target']}")) == []


def test_a_chat_that_is_closed_meanwhile_gets_no_copies(
    alice: Person, bob: Person, engine: Engine, source: str, target: str
) -> None:
    message = alice.send(target, "Hello")

    def close(db: Connection) -> None:
        db.execute(text("UPDATE chats SET is_closed = true WHERE id = :id"), {"id": source})

    with changed_meanwhile(engine, [forward(alice, message, target, source)], close) as [response]:
        assert problem(response.result()) == (403, "cannot_send")
    assert len(data(alice.get(f"/messages/{target}"))) == 1


def test_forwards_in_both_directions_do_not_block_each_other(
    alice: Person, bob: Person, engine: Engine, source: str
) -> None:
    """Each waits for both chats, as do deletions, edits and sends: locks in another order would be a deadlock."""
    group = alice.group(bob)
    first, last = sorted([source, group])
    of_first, of_last = [bob.send(chat_id, "Hello") for chat_id in (first, last)]
    others = [bob.send(chat_id, "Hello") for chat_id in (first, last)]
    calls: list[Call] = [
        forward(alice, of_first, last),
        forward(bob, of_last, first),
        forward(alice, of_last, last, first),
        lambda: bob.delete(f"/messages/{others[0]['id']}"),
        lambda: bob.delete(f"/messages/{others[1]['id']}"),
        lambda: bob.patch(f"/messages/{of_first['id']}", {"content": "Hi"}),
    ]
    with ThreadPoolExecutor(len(calls) + 2) as pool, engine.connect() as db:
        lock(last)(db)
        futures = [pool.submit(call) for call in calls]
        futures += [pool.submit(alice.post, "/messages", {"chatId": chat, "content": "x"}) for chat in (first, last)]
        eventually(lambda: (db.execute(text(WAITING)).scalar() or 0) >= 3, 10)
        db.commit()
        assert all(future.result(10).ok for future in futures)
    assert len(data(alice.get(f"/messages/{first}"))) == 2 + 2 + 1
    assert len(data(alice.get(f"/messages/{last}"))) == 2 + 2 + 1
