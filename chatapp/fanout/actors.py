"""Reads the user behind a socket from the database without missing concurrent changes.

No session may end and no account may change between reading an actor and using it: an event that arrives during the
read is applied to the actors that the sockets had before.
"""

from collections.abc import Callable
from typing import TypeVar

from chatapp.core.identity import Actor, FindActor
from chatapp.fanout.rooms import Connection, rooms
from chatapp.fanout.view import view

T = TypeVar("T")


def read_settled(read: Callable[[], T]) -> T:
    """The result of `read()`, repeated until no session ended and no account changed during the read.

    Use the result before waiting for anything else.
    """
    while True:
        epoch = view().epoch
        result = read()
        if epoch == view().epoch:
            return result


def refresh_actor(connection: Connection, find_actor: FindActor) -> None:
    """Update the name and role of a connection's user; close the connection if its session has ended."""
    while True:
        seen = connection.actor
        actor = read_settled(lambda: find_actor(seen))  # noqa: B023  # Called at once.
        if replace_actor(connection, seen, actor):
            return


def replace_actor(connection: Connection, seen: Actor, actor: Actor | None) -> bool:
    """Replace the actor that a connection had before a read, or close the connection if its session has ended (None).

    Returns False, and changes nothing, if the connection got another actor during the read. Never blocks.
    """
    if connection.actor is not seen:
        return False
    if actor:
        connection.actor = actor
    elif connection.id in rooms():
        connection.close("session ended")
    return True
