"""An event of one worker arrives unchanged at another, and is decoded only where it has subscribers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from chatapp.core import events
from chatapp.core.errors import Json

SUBSCRIBED, UNSUBSCRIBED = "chat-1", "chat-2"


@dataclass(frozen=True, slots=True)
class Said(events.Announced):
    """A message in a chat."""

    within_chat: ClassVar[bool] = True

    chat_id: str
    payload: Json


@dataclass(frozen=True, slots=True)
class Joined(events.Announced):
    """A user joined a chat that has no subscribers here yet."""

    chat_id: str


@pytest.fixture
def received() -> Iterator[list[events.Event]]:
    """The events that arrive at a worker with subscribers of `SUBSCRIBED` only."""
    received: list[events.Event] = []
    events.subscribe({Said: (received.append,), Joined: (received.append,)}, has_subscribers=SUBSCRIBED.__eq__)
    yield received
    events.subscribe({})


@pytest.mark.parametrize(
    "event",
    [
        Said(SUBSCRIBED, {"content": "two lines\nand a blank", "emoji": "👩‍💻", "none": None}),
        Joined(SUBSCRIBED),
        Joined(UNSUBSCRIBED),
    ],
    ids=["in a chat", "of a chat", "of another chat"],
)
def test_event_is_decoded_unchanged(received: list[events.Event], event: events.Event) -> None:
    line = events.encode(event)
    assert b"\n" not in line
    events.receive(line)
    assert received == [event]


def test_events_without_subscribers_are_not_decoded(received: list[events.Event]) -> None:
    name, chat_id, fields = events.encode(Said(UNSUBSCRIBED, {"content": "Hello"})).split(b" ", 2)
    assert fields
    events.receive(b" ".join((name, chat_id, b"no JSON at all")))
    assert received == []


def test_event_of_another_version_is_ignored(received: list[events.Event]) -> None:
    events.receive(b'Unheard-of  {"chat_id":"chat-1"}')
    events.receive(events.encode(Joined(SUBSCRIBED)))
    assert received == [Joined(SUBSCRIBED)]
