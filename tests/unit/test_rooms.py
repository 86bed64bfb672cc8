"""Subscriptions stay correct although bus events arrive out of order and reads may be stale."""

from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.core.user_state import UserState
from chatapp.fanout.rooms import Connection, Rooms
from chatapp.sockets.connection import SocketConnection


@pytest.fixture
def rooms() -> Rooms:
    """Rooms without connections."""
    return Rooms()


@pytest.fixture
def bob(rooms: Rooms) -> Connection:
    """Bob's socket, not subscribed yet."""
    unused: Any = None
    bob = SocketConnection("1", "1", unused, SimpleNamespace(user_id="bob", session_id="1"), 0, unused)  # type: ignore[arg-type]
    rooms.add(bob)
    return bob


def test_join_after_a_later_removal_is_ignored(rooms: Rooms, bob: Connection) -> None:
    rooms.leave("chat", ["bob"], 6)
    assert rooms.join("chat", ["bob"], 5, 0) == []
    assert rooms.of_chat("chat") == []
    assert rooms.join("chat", ["bob"], 7, 0) == [bob]
    assert rooms.of_chat("chat") == [bob]


def test_removal_after_a_later_join_is_ignored(rooms: Rooms, bob: Connection) -> None:
    rooms.join("chat", ["bob"], 6, 0)
    assert rooms.leave("chat", ["bob"], 5) == []
    assert rooms.of_chat("chat") == [bob]


def test_stale_read_does_not_resubscribe_a_removed_member(rooms: Rooms, bob: Connection) -> None:
    rooms.leave("chat", ["bob"], 6)
    rooms.fill(bob, UserState({"chat": (5, 0)}))
    assert rooms.of_chat("chat") == []


def test_new_socket_gets_changes_after_its_read(rooms: Rooms, bob: Connection) -> None:
    rooms.join("chat", ["bob"], 3, 0)
    rooms.fill(bob, UserState({"chat": (9, 4), "other": (2, 1)}))
    assert (bob.chats, rooms.order.position("other"), rooms.order.seqs["other"]) == ({"chat": 3, "other": 3}, 2, 1)


def test_chat_without_sockets_is_forgotten(rooms: Rooms, bob: Connection) -> None:
    rooms.join("chat", ["bob"], 3, 0)
    assert rooms.has_subscribers("chat")
    rooms.close("chat")
    assert not rooms.has_subscribers("chat")
