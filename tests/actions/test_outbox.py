"""Events of committed changes reach `once` subscribers at least once, in order within each chat."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from flask import Flask
from sqlalchemy import Engine, text

from chatapp.core import outbox
from chatapp.core.errors import ChatError
from chatapp.core.events import Announced
from chatapp.core.outbox import OnceSubscriber, OutboxEvent
from chatapp.features.chats import actions as chats
from chatapp.features.chats.events import MessageSent
from chatapp.features.forwarding.actions import forward_messages
from chatapp.features.messages import actions as messages
from chatapp.features.messages.events import MessageDeleted, MessageEdited, MessagesDelivered
from tests.actions.conftest import actor
from tests.people import Person

OF_MESSAGES = frozenset({MessageSent, MessageEdited, MessageDeleted})
_INSERT = "INSERT INTO outbox (subscriber, type, chat_id, rev) VALUES ('one', 'MessageSent', :chat_id, :rev)"


@dataclass(frozen=True)
class Nothing(Announced):
    """A test event without fields."""


class Recorder:
    """A subscriber that keeps what it receives; `fails` raises an exception for some events."""

    def __init__(self, name: str = "one") -> None:
        self.events: list[OutboxEvent] = []
        self.attempts = 0
        self.interested = True
        self.fails: Callable[[OutboxEvent], bool] = lambda event: False
        self.subscriber = OnceSubscriber(name, OF_MESSAGES, self.process, lambda: self.interested)

    def process(self, events: Sequence[OutboxEvent]) -> None:
        """Keep them."""
        self.attempts += 1
        if any(map(self.fails, events)):
            raise LookupError("an error with a text that is not shown")
        self.events += events

    @property
    def revs(self) -> list[int | None]:
        """The change numbers, in the order of arrival."""
        return [event.rev for event in self.events]


@pytest.fixture
def run(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets the subscribers; called without any, lets each of their readers work once."""
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.01)
    tasks: list[Any] = []

    def work(*recorders: Recorder) -> None:
        if recorders:
            tasks[:] = [task for _, task in outbox.subscribe(recorder.subscriber for recorder in recorders)]
        else:
            for task in tasks:
                task()

    yield work
    outbox.subscribe([])
    with engine.begin() as db:
        db.execute(text("TRUNCATE outbox, outbox_readers"))


def rows(engine: Engine) -> int:
    with engine.connect() as db:
        return int(db.execute(text("SELECT count(*) FROM outbox")).scalar_one())


def forget_backoff(engine: Engine) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE outbox_readers SET next_at = now() - interval '1 s'"))


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A direct chat of alice and bob."""
    return alice.direct_chat(bob)


def send(person: Person, chat_id: str, content: str = "a secret") -> Any:
    return messages.send_message(actor(person), chat_id=chat_id, content=content).get(timeout=10)


def test_changes_are_recorded_without_their_text(
    run: Callable[..., None], engine: Engine, alice: Person, chat: str
) -> None:
    recorder = Recorder()
    run(recorder)
    message = send(alice, chat)
    messages.edit_message(actor(alice), message["id"], content="another secret")
    messages.delete_message(actor(alice), message["id"])
    with engine.connect() as db:
        assert "secret" not in json.dumps([tuple(row) for row in db.execute(text("SELECT * FROM outbox"))], default=str)
    run()
    assert [event.type for event in recorder.events] == ["MessageSent", "MessageEdited", "MessageDeleted"]
    assert {(event.chat_id, event.subject, event.data) for event in recorder.events} == {(chat, message["id"], None)}
    assert recorder.revs == [message["rev"], message["rev"] + 1, message["rev"] + 2]
    assert rows(engine) == 0


def test_each_copy_of_a_forwarded_message_is_recorded_once(
    run: Callable[..., None], engine: Engine, alice: Person, chat: str
) -> None:
    recorder = Recorder()
    sent = [send(alice, chat)["id"] for _ in range(2)]
    run(recorder)
    copies, _ = forward_messages(actor(alice), message_ids=sent, chat_ids=[chat], client_id=str(uuid.uuid4()))
    run()
    assert [event.subject for event in recorder.events] == [copy["id"] for copy in copies]
    assert recorder.revs == [copy["rev"] for copy in copies]


def test_nothing_is_recorded_while_no_subscriber_is_interested(
    run: Callable[..., None], engine: Engine, alice: Person, chat: str
) -> None:
    recorder = Recorder()
    recorder.interested = False
    run(recorder)
    message = send(alice, chat)
    messages.edit_message(actor(alice), message["id"], content="x")
    chats.create_group(actor(alice), name="x", member_ids=[])
    assert rows(engine) == 0
    recorder.interested = True
    # An event that it does not process.
    chats.create_group(actor(alice), name="x", member_ids=[])
    assert rows(engine) == 0
    send(alice, chat)
    assert rows(engine) == 1


def test_a_change_that_is_rolled_back_is_not_recorded(
    run: Callable[..., None], engine: Engine, alice: Person, bob: Person, chat: str
) -> None:
    message = send(alice, chat)
    run(Recorder())
    with pytest.raises(ChatError):
        messages.edit_message(actor(bob), message["id"], content="x")
    with pytest.raises(ChatError):
        send(bob, "00000000-0000-0000-0000-000000000000")
    assert rows(engine) == 0


def test_an_event_with_a_lower_id_that_is_committed_later_is_not_skipped(
    run: Callable[..., None], engine: Engine, alice: Person, chat: str
) -> None:
    recorder = Recorder()
    run(recorder)
    with engine.connect() as slow:
        slow.execute(text(_INSERT), {"chat_id": alice.id, "rev": 1})
        sent = send(alice, chat)["rev"]
        run()
        assert recorder.revs == [sent]
        slow.commit()
    run()
    assert recorder.revs == [sent, 1]


def test_events_of_a_chat_stay_in_order_whatever_the_transaction_ids(
    run: Callable[..., None], engine: Engine, chat: str
) -> None:
    recorder = Recorder()
    run(recorder)
    with engine.connect() as early, engine.connect() as long, engine.connect() as late:
        # The transaction of the second change began first, and one between them still runs.
        for db in (early, long, late):
            db.execute(text("SELECT pg_current_xact_id()"))
        late.execute(text(_INSERT), {"chat_id": chat, "rev": 1})
        late.commit()
        early.execute(text(_INSERT), {"chat_id": chat, "rev": 2})
        early.commit()
        run()
        assert recorder.revs == [1, 2]


def test_a_failing_subscriber_is_retried_and_delays_no_other(
    run: Callable[..., None], engine: Engine, alice: Person, chat: str
) -> None:
    failing, other = Recorder("failing"), Recorder("other")
    run(failing, other)
    sent = [send(alice, chat)["rev"] for _ in range(3)]
    failing.fails = lambda event: event.rev == sent[1]
    run()
    assert (failing.revs, other.revs) == ([], sent)
    # Not before its time.
    run()
    assert failing.attempts == 1
    (state,) = [state for state in outbox.states() if state.failures]
    assert (state.subscriber, state.rows, state.failures, state.error) == ("failing", 3, 1, "LookupError")
    # One by one from now on: those before the failing one pass.
    forget_backoff(engine)
    run()
    assert failing.revs == sent[:1]
    failing.fails = lambda event: False
    forget_backoff(engine)
    run()
    assert failing.revs == sent
    assert not any(state.failures or state.rows for state in outbox.states())


def test_a_subscriber_that_takes_too_long_is_retried(
    run: Callable[..., None], engine: Engine, alice: Person, chat: str
) -> None:
    recorder = Recorder()
    run(recorder)
    sent = send(alice, chat)["rev"]

    def time_out(event: OutboxEvent) -> bool:
        # Not an Exception: it would end the background task.
        raise gevent.Timeout(1)

    recorder.fails = time_out
    run()
    assert [(state.failures, state.error) for state in outbox.states()] == [(1, "Timeout")]
    recorder.fails = lambda event: False
    forget_backoff(engine)
    run()
    assert recorder.revs == [sent]


def test_one_reader_at_a_time(run: Callable[..., None], engine: Engine, alice: Person, chat: str) -> None:
    first, second = Recorder(), Recorder()
    run(first)
    readers = list(outbox._readers.get())
    run(second)
    readers += outbox._readers.get()

    def let_the_other_read(event: OutboxEvent) -> bool:
        readers[1].run()
        return False

    first.fails = let_the_other_read
    sent = send(alice, chat)["rev"]
    readers[0].run()
    assert (first.revs, second.revs) == ([sent], [])


def test_events_of_single_statements_are_refused(app: Flask) -> None:
    with pytest.raises(ValueError, match="MessagesDelivered"):
        outbox.subscribe([OnceSubscriber("x", frozenset({MessagesDelivered}), lambda events: None)])
    outbox.subscribe([])


def test_an_event_needs_no_chat(run: Callable[..., None], engine: Engine) -> None:
    received: list[OutboxEvent] = []
    [(_, task), _] = outbox.subscribe([OnceSubscriber("one", frozenset({Nothing}), received.extend)])
    with engine.begin() as db:
        outbox.record(db, [Nothing()])
    task()
    assert [(event.type, event.chat_id, event.rev, event.subject) for event in received] == [
        ("Nothing", None, None, None)
    ]
