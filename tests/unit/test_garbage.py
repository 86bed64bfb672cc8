"""Full garbage collections wait until no work does."""

import gc
from collections.abc import Iterator

import gevent
import pytest

from chatapp.server import garbage as module
from chatapp.server.garbage import Garbage
from chatapp.server.turns import Turns, Work


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    own = Turns()
    monkeypatch.setattr(module, "turns", own)
    return own


@pytest.fixture
def full() -> Iterator[list[int]]:
    """The full collections so far."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            seen.append(1)

    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


def grow(monkeypatch: pytest.MonkeyPatch, middle: int) -> None:
    """As if the middle generation had been collected so often since the last full collection."""
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, middle))


def test_full_collection_follows_growth(turns: Turns, full: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    garbage = Garbage()
    grow(monkeypatch, module.MIN_GROWTH - 1)
    garbage.collect()
    assert not full
    grow(monkeypatch, module.MIN_GROWTH)
    garbage.collect()
    assert full


def test_full_collection_waits_for_requests_but_not_forever(
    turns: Turns, full: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    garbage = Garbage()
    # A handshake has started in this turn.
    turns.wait(Work.HANDSHAKE)
    grow(monkeypatch, module.MIN_GROWTH)
    garbage.collect()
    assert not full
    grow(monkeypatch, module.MIN_GROWTH * module.OVERDUE)
    garbage.collect()
    assert full


def test_full_collection_follows_once_the_work_is_done(
    turns: Turns, full: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    garbage = Garbage()
    turns.wait(Work.HANDSHAKE)
    grow(monkeypatch, module.MIN_GROWTH)
    with gevent.Timeout(10):
        while turns.busy:
            gevent.sleep(0)
    garbage.collect()
    assert full
