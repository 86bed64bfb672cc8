"""Private names of python-engineio.

- `engineio.socket.Socket` is the session of a client. `sockets/session.py` has another one, since the library's has three
  greenlets and an unbounded queue. The server has no parameter for its class: `engineio.server.socket.Socket` is
  replaced.
- `_trigger_event` runs the disconnect handlers, `_bad_request` is a response, `sockets` has the open sessions by id, and
  the modules `packet` and `exceptions` are what a session exchanges with the server.
- `generate_id` is wrapped, so that a session's id names its worker.
- `log_message_keys` has the kinds of messages that were logged as errors once, and are logged as INFO since then.
"""

from collections.abc import Callable
from typing import Any

import engineio.server
from engineio.exceptions import ContentTooLongError, EngineIOError, QueueEmpty
from engineio.packet import CLOSE, MESSAGE, NOOP, PING, Packet

__all__ = [
    "CLOSE",
    "MESSAGE",
    "NOOP",
    "PING",
    "BaseSession",
    "ContentTooLongError",
    "EngineIOError",
    "Packet",
    "QueueEmpty",
]

TESTED = ("4.15.1", "4.15.1")

# Mistakes of clients (such as polling an ended session), which the library would log as errors of the server.
_CLIENT_MISTAKES = {
    "bad-jsonp-index",
    "bad-origin",
    "bad-sid",
    "bad-transport",
    "bad-upgrade",
    "bad-version",
    "not-connected",
    "unexpected-http",
}


class BaseSession:
    """What the server calls of a session.

    It passes packets to `send` and requests to `handle_get_request` and `handle_post_request`; after an EngineIOError it
    calls `close`. It calls `poll` for the first response to a polling client, and `schedule_ping`. It reads `connected`
    (the handshake is complete), `upgraded` (the session accepts no requests) and `closed`, and sets `connected` for a
    client that polls.
    """

    def __init__(self, server: Any, sid: str) -> None:
        self.server = server
        self.sid = sid

    def run_disconnect_handlers(self, reason: str) -> None:
        """Run the disconnect handlers of python-socketio in this greenlet; exceptions are logged."""
        self.server._trigger_event("disconnect", self.sid, reason, run_async=False)

    def forget(self) -> None:
        """Remove the session from those of the server."""
        self.server.sockets.pop(self.sid, None)

    def bad_request(self, message: str) -> Any:
        """The response to a request that is not valid, for `handle_get_request` to return."""
        return self.server._bad_request(message)


def create_sessions(server: Any, create: Callable[[Any, str], BaseSession]) -> None:
    """Make `server` create its sessions by `create(server, sid)`."""
    server.create_session = create
    engineio.server.socket.Socket = _create_session


def _create_session(server: Any, sid: str) -> BaseSession:
    session: BaseSession = server.create_session(server, sid)
    return session


def sessions_of(server: Any) -> dict[str, Any]:
    """The open sessions of `server` by id: its own dictionary."""
    sessions: dict[str, Any] = server.sockets
    return sessions


def mark_ids(server: Any, mark: Callable[[Callable[[], str]], Callable[[], str]]) -> None:
    """Replace the generator of session ids by `mark` of it."""
    server.generate_id = mark(server.generate_id)


def ignore_client_mistakes(server: Any) -> None:
    """Don't log mistakes of clients as errors of the server."""
    server.log_message_keys |= _CLIENT_MISTAKES
