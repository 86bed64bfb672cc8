"""Deliveries are recorded completely, in portions in a large group."""

from collections.abc import Collection
from types import SimpleNamespace

import gevent
import pytest

from chatapp.core.errors import Unavailable
from chatapp.features.messages import deliveries
from chatapp.features.messages.deliveries import MAX_RECEIPTS, PAUSE_SECONDS, Deliveries

Noted = list[tuple[str, str, int]]


class Clock:
    """A clock that tests advance."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(deliveries, "time", SimpleNamespace(monotonic=lambda: self.now))

    def pause(self) -> None:
        """Advance by the pause between two writes."""
        self.now += PAUSE_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_deliveries_within_a_pause_are_recorded_once(clock: Clock) -> None:
    noted: Noted = []
    queue = Deliveries(noted.extend)
    for seq in (1, 3, 2):
        queue.add("chat", seq, ["bob"])
    queue.flush()
    assert noted == []
    clock.pause()
    queue.flush()
    queue.flush()
    assert noted == [("chat", "bob", 3)]


def test_the_task_that_records_sleeps_until_there_is_something(clock: Clock) -> None:
    noted: Noted = []
    queue = Deliveries(noted.extend)
    for seq in (1, 2):
        waiting = gevent.spawn(queue.wait)
        gevent.idle()
        assert not waiting.ready()
        queue.add("chat", seq, ["bob"])
        gevent.idle()
        assert waiting.ready()
        while not noted or noted[-1] != ("chat", "bob", seq):
            # What is not due is not slept over.
            queue.wait()
            clock.pause()
            queue.flush()


def test_large_groups_are_recorded_in_portions(clock: Clock) -> None:
    batches: list[Noted] = []
    queue = Deliveries(lambda batch: batches.append(list(batch)))
    user_ids = [f"user{number}" for number in range(500)]
    for seq in range(1, 501):
        # Waiting users keep their place while more is said.
        queue.add("chat", seq, user_ids)
        clock.pause()
        queue.flush()
        if sum(map(len, batches)) >= len(user_ids):
            break
    # Each receipt is emitted to all members.
    assert max(map(len, batches)) * len(user_ids) <= MAX_RECEIPTS * PAUSE_SECONDS
    assert [user_id for batch in batches for _, user_id, _ in batch][: len(user_ids)] == user_ids


def test_failed_deliveries_are_retried_after_a_pause(clock: Clock) -> None:
    noted: Noted = []

    def note(batch: Collection[tuple[str, str, int]]) -> None:
        if clock.now < 10:
            raise Unavailable("The database does not answer.", code="database_unavailable")
        noted.extend(batch)

    queue = Deliveries(note)
    queue.add("chat", 1, ["bob"])
    clock.now += PAUSE_SECONDS / 2
    queue.add("another", 1, ["bob"])
    clock.now += PAUSE_SECONDS / 2
    with pytest.raises(Unavailable):
        queue.flush()
    clock.pause()
    queue.flush()
    assert noted == []
    clock.now = 10
    queue.flush()
    assert noted == [("chat", "bob", 1), ("another", "bob", 1)]


def test_deliveries_during_a_write_are_recorded_later(clock: Clock) -> None:
    noted: Noted = []

    def note(batch: Collection[tuple[str, str, int]]) -> None:
        noted.extend(batch)
        if len(noted) == 1:
            queue.add("chat", 2, ["bob"])

    queue = Deliveries(note)
    queue.add("chat", 1, ["bob"])
    for _ in range(3):
        clock.pause()
        queue.flush()
    assert noted == [("chat", "bob", 1), ("chat", "bob", 2)]


def test_deliveries_of_several_chats_are_recorded_together(clock: Clock) -> None:
    batches: list[Noted] = []
    queue = Deliveries(lambda batch: batches.append(list(batch)))
    queue.add("chat", 1, ["bob"])
    clock.now += PAUSE_SECONDS / 2
    queue.add("another", 1, ["bob"])
    clock.now += PAUSE_SECONDS / 2
    queue.flush()
    assert batches == [[("chat", "bob", 1), ("another", "bob", 1)]]


def test_large_groups_beyond_a_write_are_the_next(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MAX_CHATS", 2)
    noted: set[str] = set()
    queue = Deliveries(lambda batch: noted.update(chat_id for chat_id, _, _ in batch))
    for chat_id in ("one", "two", "three"):
        queue.add(chat_id, 1, [f"user{number}" for number in range(500)])
    for _ in range(2):
        clock.pause()
        queue.flush()
    assert noted == {"one", "two", "three"}
