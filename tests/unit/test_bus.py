"""What a worker publishes after it dropped events."""

from dataclasses import dataclass
from typing import Any

import pytest

from chatapp.core import events
from chatapp.core.ids import new_id
from chatapp.fanout.bus import MAX_WAITING, Bus


@dataclass(frozen=True, slots=True)
class Changed(events.Announced):
    """A chat changed."""

    chat_id: str
    rev: int


class Queue:
    """The published lines; the queue has the given length."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.waiting = 0

    def __len__(self) -> int:
        return self.waiting

    def put(self, outgoing: tuple[bytes, Any]) -> None:
        self.lines.append(outgoing[0])


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def bus(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Bus:
    """The bus of a connected worker."""
    bus = Bus("redis://127.0.0.1:1", new_id(), lambda _event: None, lambda _connected, _seconds: None, lambda: None)
    monkeypatch.setattr(bus, "_batcher", queue)
    bus._subscribed = bus._connected = True
    bus._restart_clock()
    return bus


def test_dropped_events_make_others_reconcile(bus: Bus, queue: Queue) -> None:
    queue.waiting = MAX_WAITING
    bus.share(Changed("chat", 7))
    assert not queue.lines
    bus.beat()
    bus.beat()
    assert queue.lines == [b"", b"hello 1", b""]


def test_no_reconcile_without_a_loss(bus: Bus, queue: Queue) -> None:
    bus.share(Changed("chat", 7))
    bus.beat()
    assert [line.split(b" ")[0] for line in queue.lines] == [b"-", b""]
