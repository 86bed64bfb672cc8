"""Which user is behind a socket, read from the database without missing what changes meanwhile.

Between reading an actor and using it nothing may have happened to sessions or accounts: an event that arrived while the
database was asked has been handled already, for the actors that the sockets had then.
"""

from collections.abc import Callable
from typing import TypeVar

from chatapp.realtime.rooms import Connection, rooms
from chatapp.rest.bearer import FindActor

T = TypeVar("T")


def read_settled(read: Callable[[], T]) -> T:
    """What `read()` returns, repeated until no session ended and no account changed while it waited.

    Use the result before waiting for anything else.
    """
    while True:
        epoch = rooms.epoch
        result = read()
        if epoch == rooms.epoch:
            return result


def refresh_actor(connection: Connection, find_actor: FindActor) -> None:
    """Give a connection the present name and role of its user; close it if its session has ended."""
    while True:
        before = connection.actor
        actor = read_settled(lambda: find_actor(before.user_id, before.session_id))  # noqa: B023  # Called at once.
        if connection.actor is before:
            break
    if actor:
        connection.actor = actor
    elif connection.id in rooms:
        connection.close("session ended")
