"""When a batch begins, and what it has."""

from collections.abc import Sequence

import gevent
import pytest
from gevent.event import Event

from chatapp.core import batching
from chatapp.core.batching import Batcher

# Longer than any test: what waits for a time, waits too long.
LONG = 30.0


class Batches:
    """The batches of a `Batcher`; each is done when the test calls `next`."""

    def __init__(self, gather: float) -> None:
        self.seen: list[list[int]] = []
        self.begun = Event()
        self.done = Event()
        self.batcher: Batcher[int] = Batcher(self._do, gather=gather)

    def _do(self, batch: Sequence[int]) -> None:
        self.seen.append(list(batch))
        self.begun.set()
        self.done.wait()

    def put(self, *items: int) -> None:
        for item in items:
            self.batcher.put(item)

    def next(self) -> list[int]:
        """Wait for the next batch, and let it be done."""
        assert self.begun.wait(timeout=5)
        self.begun.clear()
        batch = self.seen[-1]
        self.done.set()
        gevent.sleep(0)
        self.done.clear()
        return batch


@pytest.fixture
def batches() -> Batches:
    return Batches(gather=LONG)


def test_a_single_item_is_processed_at_once(batches: Batches) -> None:
    batches.put(1)
    assert batches.next() == [1]
    batches.put(2)
    assert batches.next() == [2]


def test_items_that_arrive_during_a_batch_are_the_next(batches: Batches) -> None:
    batches.put(1)
    assert batches.begun.wait(timeout=5)
    batches.put(2, 3)
    assert batches.next() == [1]
    assert batches.next() == [2, 3]


def test_after_several_items_a_batch_waits_for_as_many(batches: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "LOAD_SECONDS", LONG)
    batches.put(1, 2, 3)
    assert batches.next() == [1, 2, 3]
    batches.put(4)
    gevent.sleep(0)
    batches.put(5)
    gevent.sleep(0)
    assert len(batches.seen) == 1
    batches.put(6)
    assert batches.next() == [4, 5, 6]


def test_a_batch_does_not_wait_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "LOAD_SECONDS", LONG)
    batches = Batches(gather=0.001)
    batches.put(1, 2)
    assert batches.next() == [1, 2]
    batches.put(3)
    assert batches.next() == [3]


def test_a_batch_does_not_wait_after_a_pause(batches: Batches) -> None:
    batches.put(1, 2)
    assert batches.next() == [1, 2]
    gevent.sleep(2 * batching.LOAD_SECONDS)
    batches.put(3)
    assert batches.next() == [3]
