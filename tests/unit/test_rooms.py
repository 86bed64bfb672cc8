"""Who hears a chat, though workers' words overtake each other and the database's answers are old when they arrive."""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.realtime.rooms import Connection, Rooms


@pytest.fixture
def rooms() -> Rooms:
    """Nobody is connected."""
    return Rooms()


@pytest.fixture
def bob(rooms: Rooms) -> Connection:
    """Bob's socket, which hears nothing yet."""
    unused: Any = None
    bob = Connection("1", "1", unused, SimpleNamespace(user_id="bob", session_id="1"), 0, unused)  # type: ignore[arg-type]
    rooms.add(bob)
    return bob


def test_a_welcome_that_comes_after_the_goodbye_lets_nobody_in(rooms: Rooms, bob: Connection) -> None:
    rooms.leave("chat", ["bob"], 6)
    rooms.join("chat", ["bob"], 5)
    assert rooms.of_chat("chat") == []
    rooms.join("chat", ["bob"], 7)
    assert rooms.of_chat("chat") == [bob]


def test_a_goodbye_that_comes_after_the_next_welcome_shows_nobody_out(rooms: Rooms, bob: Connection) -> None:
    rooms.join("chat", ["bob"], 6)
    rooms.leave("chat", ["bob"], 5)
    assert rooms.of_chat("chat") == [bob]


def test_what_the_database_said_before_a_goodbye_lets_nobody_in(rooms: Rooms, bob: Connection) -> None:
    rooms.leave("chat", ["bob"], 6)
    rooms.fill(bob, {"chat": 5})
    assert rooms.of_chat("chat") == []


def test_what_is_read_anew_takes_nobody_out_whom_it_names(rooms: Rooms, bob: Connection) -> None:
    rooms.join("chat", ["bob"], 3)
    doubtful = rooms.refill(lambda _: {"bob": {"chat": 9, "other": 2}})
    assert (doubtful, bob.chats) == (set(), {"chat": 3, "other": 2})


def test_whom_the_database_does_not_name_is_asked_for(rooms: Rooms, bob: Connection) -> None:
    rooms.join("chat", ["bob"], 3)
    assert rooms.refill(lambda _: {"bob": {}}) == {"chat"}
    assert rooms.outsiders("chat", lambda _id, _who: (9, set())) == ({"bob"}, 9)


def test_who_comes_while_that_is_asked_is_no_outsider(rooms: Rooms, bob: Connection) -> None:
    rooms.join("chat", ["bob"], 3)

    def come_back(_chat_id: str, _user_ids: Collection[str]) -> tuple[int, set[str]]:
        rooms.join("chat", ["bob"], 10)
        return 9, set()

    assert rooms.outsiders("chat", come_back) == (set(), 9)
    assert rooms.of_chat("chat") == [bob]
