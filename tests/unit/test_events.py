"""What one worker tells is heard by another as it was said, and read only where it matters to somebody."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from chatapp.core import events
from chatapp.core.errors import Json

HEARD, UNHEARD = "chat-1", "chat-2"


@dataclass(frozen=True, slots=True)
class Said(events.Announced):
    """Something was said in a chat."""

    within_chat: ClassVar[bool] = True

    chat_id: str
    payload: Json


@dataclass(frozen=True, slots=True)
class Joined(events.Announced):
    """Somebody came into a chat that nobody here may hear yet."""

    chat_id: str


@pytest.fixture
def told() -> Iterator[list[events.Event]]:
    """What the subscribers of a worker are told on which `HEARD` is heard, and no other chat."""
    told: list[events.Event] = []
    events.subscribe({Said: (told.append,), Joined: (told.append,)}, hears=HEARD.__eq__)
    yield told
    events.subscribe({})


@pytest.mark.parametrize(
    "event",
    [Said(HEARD, {"content": "two lines\nand a blank", "emoji": "👩‍💻", "none": None}), Joined(HEARD), Joined(UNHEARD)],
    ids=["in a chat", "of a chat", "of another chat"],
)
def test_an_event_arrives_as_it_was(told: list[events.Event], event: events.Event) -> None:
    line = events.encode(event)
    assert b"\n" not in line
    events.receive(line)
    assert told == [event]


def test_what_is_said_in_a_chat_that_nobody_hears_is_not_read(told: list[events.Event]) -> None:
    name, chat_id, fields = events.encode(Said(UNHEARD, {"content": "Hello"})).split(b" ", 2)
    assert fields
    events.receive(b" ".join((name, chat_id, b"no JSON at all")))
    assert told == []


def test_an_event_of_another_version_is_passed_over(told: list[events.Event]) -> None:
    events.receive(b'Unheard-of  {"chat_id":"chat-1"}')
    events.receive(events.encode(Joined(HEARD)))
    assert told == [Joined(HEARD)]
