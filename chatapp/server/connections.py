"""A client's connection, its deadlines, and the slot that it occupies while unauthenticated."""

import os
import socket
import time
from typing import Any

from gevent import monkey

from chatapp.compat.gevent import ConnectionServer, TimedSocket
from chatapp.server.admission import Held

# For the head of a request on a new connection, or on an idle one without a token.
HEAD_TIMEOUT = 30.0
IDLE_TIMEOUT = 10.0
# For the body of a request: plus a second per that many bytes.
BODY_TIMEOUT = 30.0
BODY_BYTES_PER_SECOND = 64 * 1024
# For a client to receive a piece of a response: plus a second per that many bytes.
SEND_TIMEOUT = 30.0
SEND_BYTES_PER_SECOND = 8 * 1024


class Connection(TimedSocket):
    """A connection with a deadline; bytes that another worker has read from it (`read_before`) come first."""

    read_before = b""
    # When the current request has to be complete, on the monotonic clock, and whether its body was late.
    deadline: float | None = None
    reads_body = False
    late = False
    # The slot that it occupies while unauthenticated.
    held: Held | None = None

    def recv(self, size: int, flags: int = 0) -> bytes:
        """The next bytes, at most `size`; none at the stream's end. Raises OSError, and RequestTimeout for a late body."""
        if self.read_before:
            data, self.read_before = self.read_before[:size], self.read_before[size:]
            return data
        data = bytes(super().recv(size, flags))
        if not data and self.late:
            from werkzeug.exceptions import RequestTimeout

            raise RequestTimeout("The body of the request took too long to arrive.")
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send bytes; TimeoutError when the client does not take them in time."""
        self.timeout = SEND_TIMEOUT + len(data) / SEND_BYTES_PER_SECOND
        try:
            super().sendall(data, flags)
        finally:
            self.timeout = None

    def opened(self) -> None:
        """Start the deadline of the first request."""
        self.deadline = time.monotonic() + HEAD_TIMEOUT

    def responded(self) -> None:
        """Start the deadline of the next request; authenticated connections and those of proxies have gunicorn's
        keep-alive."""
        self.reads_body = False
        self.deadline = time.monotonic() + IDLE_TIMEOUT if self.held else None

    def requested(self, size: int) -> None:
        """Start the deadline of a request's body of `size` bytes."""
        self.reads_body = size > 0
        self.deadline = time.monotonic() + BODY_TIMEOUT + size / BODY_BYTES_PER_SECOND if size else None

    def check(self, now: float) -> None:
        """End the stream of a connection that is past its deadline."""
        if self.deadline is not None and now > self.deadline:
            self.deadline = None
            self.late = self.reads_body
            end_stream(self, socket.SHUT_RD)

    def authenticated(self) -> None:
        """A token was presented on it: free its slot."""
        if self.held:
            self.held.release()
            self.held = None


class Server(ConnectionServer):
    """A listener that accepts `Connection` objects."""

    connection = Connection
    # Connections accepted per turn of the event loop: few, to balance the workers and since each parses a request, but
    # enough for thousands that arrive together, so that none has to repeat its SYN.
    max_accept = 8


def end_stream(connection: Any, how: int) -> None:
    """Shut a connection down, so that its reader or writer sees the end.

    gevent's own shutdown would raise in the other greenlet instead.
    """
    try:
        with monkey.get_original("socket", "socket")(fileno=os.dup(connection.fileno())) as plain:
            plain.shutdown(how)
    except OSError:
        pass  # The client has already closed it.
