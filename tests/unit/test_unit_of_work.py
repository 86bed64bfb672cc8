"""An action is one transaction; its events are delivered after the commit, or never."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError

from chatapp.core import db, events
from chatapp.core.unit_of_work import unit_of_work


@dataclass(frozen=True)
class SomethingHappened(events.Announced):
    """A test event."""

    number: int


@pytest.fixture
def received(engine: Engine) -> Iterator[list[int]]:
    """The numbers of the delivered events, recorded by a subscriber behind one that fails."""
    numbers: list[int] = []

    def fail(event: SomethingHappened) -> None:
        raise RuntimeError("a subscriber that fails")

    def receive(event: SomethingHappened) -> None:
        numbers.append(event.number)

    db.bind(engine)
    events.subscribe({SomethingHappened: (fail, receive)})
    yield numbers
    events.subscribe({})


def test_events_are_delivered_after_the_commit_in_order(received: list[int]) -> None:
    with unit_of_work() as work:
        work.announce(SomethingHappened(1))
        work.announce(SomethingHappened(2))
        assert received == []
    assert received == [1, 2]


def test_rolled_back_events_are_not_delivered(received: list[int]) -> None:
    def fail() -> None:
        with unit_of_work() as work:
            work.announce(SomethingHappened(1))
            work.db.execute(text("SELECT 1 / 0"))

    with pytest.raises(DataError):
        fail()
    assert received == []


def test_units_of_work_do_not_nest(received: list[int]) -> None:
    with unit_of_work(), pytest.raises(RuntimeError, match="open already"), unit_of_work():
        pass
