"""Reactions that wait together, and those that meet another change of their chat in the middle."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, text

from chatapp.core import events
from chatapp.core.db import Locked
from chatapp.core.errors import ChatError, Conflict, NotFound
from chatapp.features.messages.events import MessageChanged
from chatapp.features.reactions import batches, changes, effects
from chatapp.features.reactions.actions import react
from chatapp.features.reactions.batches import PendingReaction
from tests.actions.conftest import actor
from tests.conftest import NewPerson
from tests.people import Person

THUMB = "👍"
Json = dict[str, Any]
_LOCK = text("SELECT FROM chats WHERE id = :chat_id FOR UPDATE")


@pytest.fixture
def announced(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """The payloads of `message:changed` that this process announced."""
    found: list[Json] = []
    deliver = events.deliver

    def note(event: Any) -> None:
        if isinstance(event, MessageChanged):
            found.append(dict(event.payload))
        deliver(event)

    monkeypatch.setattr("chatapp.core.unit_of_work.deliver", note)
    return found


@pytest.fixture
def message(alice: Person, bob: Person, carol: Person) -> Json:
    """A message of alice in a group with bob and carol."""
    return alice.send(alice.group(bob, carol), "Hello")


def start(person: Person, message: Json, emoji: str = THUMB, on: bool = True, unique: bool = False) -> PendingReaction:
    """Put a reaction into the next batch."""
    return react(actor(person), message_id=message["id"], emoji=emoji, on=on, unique=unique)


def outcome(pending: PendingReaction) -> Json | str:
    """The reactions to the message, or the code of the error."""
    try:
        return dict(pending.get(timeout=20))
    except ChatError as error:
        return error.code


@contextmanager
def holding(engine: Engine, message: Json) -> Iterator[Connection]:
    """Hold the lock of the message's chat; what the block does is committed."""
    with engine.begin() as db:
        db.execute(_LOCK, {"chat_id": message["chatId"]})
        yield db


Act = Callable[[Connection], object]


@contextmanager
def meanwhile(engine: Engine, message: Json, then: Act, *, first: Act | None = None) -> Iterator[None]:
    """Another worker does something `first`, locks the message's chat, and once the block waits for it does `then`."""
    blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
    held = threading.Event()

    def work() -> None:
        with engine.begin() as db:
            if first:
                first(db)
            db.execute(_LOCK, {"chat_id": message["chatId"]})
            held.set()
            deadline = time.monotonic() + 20
            while not db.scalar(blocked):
                assert time.monotonic() < deadline
                time.sleep(0.002)
            then(db)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        assert held.wait(20)
        yield
        done.result(20)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reactions wait for a lock until they get it."""
    monkeypatch.setattr(changes, "LOCK_TIMEOUT_MS", 20_000)


def give(db: Connection, message: Json, person: Person, emoji: str) -> None:
    """A reaction as another worker stores it."""
    row = {"message_id": message["id"], "user_id": person.id, "emoji": emoji}
    db.execute(text("INSERT INTO reactions VALUES (:message_id, :emoji, :user_id, :emoji)"), row)
    summary = """
        UPDATE messages SET reactions = (
            SELECT jsonb_agg(jsonb_build_object('emoji', emoji, 'count', n, 'userIds', users)) FROM (
                SELECT emoji, count(*) AS n, jsonb_agg(user_id) AS users
                FROM reactions WHERE message_id = :message_id GROUP BY emoji
            ) each
        ) WHERE id = :message_id
    """
    db.execute(text(summary), row)


def test_reactions_that_wait_together_share_a_rev_and_an_event(
    app: Flask, alice: Person, bob: Person, carol: Person, message: Json, announced: list[Json]
) -> None:
    with app.app_context():
        pending = [start(person, message) for person in (alice, bob, carol)]
        # What is reversed within the batch has no effect.
        pending += [start(carol, message, on=False), start(bob, message, ":wave:", on=False)]
        revs = {each.get(timeout=20)["rev"] for each in pending}
    (event,) = announced
    assert revs == {message["rev"] + 1} == {event["rev"]}
    assert event["changes"]["reactions"] == [{"emoji": THUMB, "count": 2, "userIds": [alice.id, bob.id]}]
    assert event["actors"] == [{"userId": person.id, "emoji": THUMB, "on": True} for person in (alice, bob)]


def test_an_event_names_at_most_50_users(
    app: Flask, alice: Person, bob: Person, carol: Person, message: Json, announced: list[Json],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(batches, "MAX_USERS", 2)
    with app.app_context():
        for pending in [start(person, message, f":{n}:") for n in range(2) for person in (alice, bob, carol)]:
            pending.get(timeout=20)
    users = [[actor["userId"] for actor in event["actors"]] for event in announced]
    assert users == [[alice.id, bob.id, alice.id, bob.id], [carol.id, carol.id]]
    assert [event["rev"] for event in announced] == [message["rev"] + 1, message["rev"] + 2]


def test_a_refused_reaction_does_not_affect_the_others(
    app: Flask, alice: Person, bob: Person, register_person: NewPerson, message: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(effects, "MAX_OF_A_USER", 1)
    other = alice.send(message["chatId"], "Other")
    stranger = register_person("stranger")
    with app.app_context():
        deleted = alice.send(message["chatId"], "Deleted")
        alice.delete(f"/messages/{deleted['id']}")
        pending = [
            start(stranger, message), start(bob, deleted), start(alice, message, ":a:"), start(alice, message, ":b:"),
            start(bob, other), start(bob, message),
        ]  # fmt: skip
        outcomes = [outcome(each) for each in pending]
    assert [each if isinstance(each, str) else len(each["reactions"]) for each in outcomes] == [
        "not_found", "message_deleted", 2, "too_many_reactions", 1, 2,
    ]  # fmt: skip


@pytest.mark.usefixtures("patient")
def test_a_limit_is_exact_beside_another_worker(
    app: Flask, engine: Engine, alice: Person, bob: Person, message: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "MAX_REACTIONS", 2)
    with app.app_context():
        start(alice, message, ":a:").get(timeout=20)
        with meanwhile(engine, message, lambda db: give(db, message, bob, ":c:")), pytest.raises(Conflict):
            start(alice, message, ":b:").get(timeout=20)


@pytest.mark.usefixtures("patient")
def test_taking_back_sees_a_reaction_that_another_worker_gave_meanwhile(
    app: Flask, engine: Engine, bob: Person, message: Json
) -> None:
    with app.app_context(), meanwhile(engine, message, lambda db: give(db, message, bob, THUMB)):
        assert "reactions" not in start(bob, message, THUMB, on=False).get(timeout=20)


@pytest.mark.usefixtures("patient")
def test_a_member_who_was_removed_meanwhile_does_not_react(
    app: Flask, engine: Engine, alice: Person, bob: Person, message: Json
) -> None:
    def remove(db: Connection) -> None:
        db.execute(text("DELETE FROM members WHERE user_id = :id"), {"id": bob.id})

    # As a removal does it: the row of the member, then that of the chat.
    with app.app_context(), meanwhile(engine, message, lambda _: None, first=remove):
        waiting, other = start(bob, message), start(alice, message)
        with pytest.raises(NotFound):
            waiting.get(timeout=20)
        assert other.get(timeout=20)["reactions"][0]["count"] == 1


def test_a_locked_chat_delays_no_other(
    app: Flask, engine: Engine, alice: Person, bob: Person, message: Json, announced: list[Json]
) -> None:
    free = alice.send(alice.direct_chat(bob), "Free")
    with app.app_context():
        with holding(engine, message):
            locked = [start(alice, message), start(bob, free), start(alice, message, on=False)]
            began = time.monotonic()
            locked.pop(1).get(timeout=20)
            # One bounded wait for the lock, before the chat left the batch; the next ones wait for nothing.
            locked += [start(bob, message)]
            start(alice, free).get(timeout=20)
            # Much less than the reactions of the locked chat may wait.
            assert time.monotonic() - began < 5
            assert not any(pending.known for pending in locked)
        assert [len(pending.get(timeout=20)["reactions"]) for pending in locked] == [1, 1, 1]
    assert announced[-1]["changes"]["reactions"] == [{"emoji": THUMB, "count": 1, "userIds": [bob.id]}]


def test_a_reaction_fails_when_its_chat_stays_locked(
    app: Flask, engine: Engine, alice: Person, message: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_LOCK_WAIT", 0.2)
    with app.app_context(), holding(engine, message), pytest.raises(Locked):
        start(alice, message).get(timeout=20)


def test_reactions_need_no_prepared_statements(
    app: Flask, alice: Person, message: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As behind a pooler in transaction mode.
    monkeypatch.setattr("chatapp.core.prepared.connections_keep_state", lambda: False)
    with app.app_context():
        assert start(alice, message, "#\ufe0f\u20e3").get(timeout=20)["reactions"][0]["count"] == 1
        assert "reactions" not in start(alice, message, "#\u20e3", on=False).get(timeout=20)
