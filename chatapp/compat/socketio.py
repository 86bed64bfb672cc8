"""Private names of python-socketio.

- `eio` is the Engine.IO server underneath, whose sessions are of our own class (`sockets/session.py`).
- `_handle_eio_connect`, `_handle_eio_message` and `_handle_eio_disconnect` are what it registers there. Our gateway
  stands between them and the sessions: events don't pass through the library, CONNECT and DISCONNECT do.
- `manager.eio_sid_from_sid` maps the id of a socket to that of its session.
- `Manager.basic_enter_room` adds a socket to a room: when it connects, to that of all sockets (None) and to one of its own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from socketio import Manager

TESTED = ("5.18.1", "5.18.1")


class Handlers(NamedTuple):
    """What the library does when a session is new, when a packet of it arrives, and when it has ended."""

    opened: Callable[[str, dict[str, Any]], Any]
    packet: Callable[[str, str], None]
    ended: Callable[[str, str], None]


class SocketRegistry(Manager):  # type: ignore[misc]
    """The library's registry of sockets, without a room for each of them, which nothing here emits to.

    The library looks for a socket that leaves in every room: each departure would cost as much as there are sockets.
    """

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        """Called by the library."""
        if room is None:
            super().basic_enter_room(sid, namespace, room, eio_sid)


def engineio_of(server: Any) -> Any:
    """The Engine.IO server of a Socket.IO server."""
    return server.eio


def handlers_of(server: Any) -> Handlers:
    """The handlers that a Socket.IO server has registered with its Engine.IO server."""
    return Handlers(server._handle_eio_connect, server._handle_eio_message, server._handle_eio_disconnect)


def session_id_of(server: Any, sid: str, namespace: str) -> str:
    """The id of the Engine.IO session of the socket `sid`."""
    session_id: str = server.manager.eio_sid_from_sid(sid, namespace)
    return session_id
