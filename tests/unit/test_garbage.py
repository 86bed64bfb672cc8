"""Garbage collections are small portions; all objects are visited rarely, while there is little to do."""

import gc
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from chatapp.server import garbage as module
from chatapp.server.garbage import OVERDUE, Garbage


class Cycle:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.me = self


class Clock:
    """The time, and the processor time of the worker."""

    now = used = 0.0

    def pass_second(self, used: float) -> None:
        """A second in which the worker used so much of it."""
        self.now += 1.0
        self.used += used


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    time = SimpleNamespace(monotonic=lambda: own.now, process_time=lambda: own.used)
    monkeypatch.setattr(module, "time", time)
    return own


@pytest.fixture
def garbage(clock: Clock) -> Iterator[Garbage]:
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    made = Garbage(len(gc.get_objects()))
    made.start()
    # The tests decide when.
    gc.disable()
    yield made
    gc.callbacks[:] = callbacks
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.enable()


def frozen_garbage() -> "weakref.ref[Cycle]":
    """A cycle that outlived a full collection, and is garbage now."""
    cycle = Cycle()
    gc.collect()
    return weakref.ref(cycle)


def grow(objects: int) -> list[list[object]]:
    """Make so many objects that a full collection leaves."""
    made: list[list[object]] = [[] for _ in range(objects)]
    gc.collect()
    return made


def test_full_collection_does_not_visit_what_an_earlier_one_left(garbage: Garbage) -> None:
    kept = grow(1000)
    assert not any(each is kept for each in gc.get_objects())
    new = [kept]
    assert any(each is new for each in gc.get_objects())


def test_garbage_that_outlived_a_collection_is_found_after_growth(garbage: Garbage, clock: Clock) -> None:
    cycle = frozen_garbage()
    clock.pass_second(0.01)
    garbage.collect()
    assert cycle() is not None
    kept = grow(gc.get_freeze_count() + 1000)
    clock.pass_second(0.01)
    garbage.collect()
    assert cycle() is None
    assert kept


def test_objects_that_ended_meanwhile_are_no_growth(garbage: Garbage, clock: Clock) -> None:
    cycle = frozen_garbage()
    grow(gc.get_freeze_count() + 1000)
    clock.pass_second(0.01)
    garbage.collect()
    assert cycle() is not None


def test_a_busy_worker_waits_but_not_forever(garbage: Garbage, clock: Clock) -> None:
    cycle, size = frozen_garbage(), gc.get_freeze_count()
    kept = [grow(size + 1000)]
    clock.pass_second(0.5)
    garbage.collect()
    assert cycle() is not None
    kept += [grow(size) for _ in range(OVERDUE)]
    clock.pass_second(0.5)
    garbage.collect()
    assert cycle() is None
    assert kept
