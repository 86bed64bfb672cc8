"""Private names of python-engineio.

- `engineio.socket.Socket` is the session of a client. `sockets/session.py` overrides most of it, since the library's has
  three greenlets and an unbounded queue. The server has no parameter for its class: `engineio.server.socket.Socket` is
  replaced, and `create_queue` of the server.
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
from engineio.socket import Socket

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


class BaseSession(Socket):  # type: ignore[misc]
    """The library's session, with what ours uses of it.

    The server calls `send`, `poll`, `handle_get_request`, `handle_post_request`, `close` and `schedule_ping`.
    """

    server: Any
    sid: str
    # Packets that wait for a poll.
    queue: Any
    # Whether the client has a transport, whether it probes a websocket, and whether it uses one.
    connected: bool
    upgrading: bool
    upgraded: bool
    closing: bool
    closed: bool
    # When the ping was sent that has no pong yet.
    last_ping: float | None

    def run_disconnect_handlers(self, reason: str) -> None:
        """Run the disconnect handlers of python-socketio in this greenlet; exceptions are logged."""
        self.server._trigger_event("disconnect", self.sid, reason, run_async=False)

    def forget(self) -> None:
        """Remove the session from those of the server."""
        self.server.sockets.pop(self.sid, None)

    def bad_request(self, message: str) -> Any:
        """The response to a request that is not valid, for `handle_get_request` to return."""
        return self.server._bad_request(message)


def create_sessions(server: Any, session: type[BaseSession], queue: type) -> None:
    """Make `server` create sessions of the class `session`, with queues of the class `queue`."""
    server.create_queue = queue
    engineio.server.socket.Socket = session


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
