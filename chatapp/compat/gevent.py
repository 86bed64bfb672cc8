"""Private names of gevent.

- `socket._accept` and the hook `StreamServer.do_read`: a listener that accepts connections of a class of our own. The
  public `accept` creates an object of gevent's class first, which would have to be replaced for each connection.
- `socket.timeout` is what `settimeout` sets, for 0.3 µs less: each piece of a response has a time limit of its own.
- `loop.backend` and `loop.fileno`: a connection that another worker or another object continues has to leave this
  loop's epoll (`server/transfer.py`).
"""

from typing import Any, ClassVar

import gevent
from gevent.server import StreamServer
from gevent.socket import socket as GeventSocket

TESTED = ("26.9.0", "26.9.0")


class TimedSocket(GeventSocket):  # type: ignore[misc]
    """A socket; `timeout` is the time limit of each operation in seconds."""

    timeout: float | None


class ConnectionServer(StreamServer):  # type: ignore[misc]
    """A listener that accepts connections of the class `connection`."""

    connection: ClassVar[Any]

    def do_read(self) -> tuple[Any, Any] | None:
        """Called by gevent when a connection may be accepted."""
        listener = self.socket
        try:
            descriptor, address = listener._accept()
        except BlockingIOError:
            return None
        return self.connection(listener.family, listener.type, listener.proto, fileno=descriptor), address


def epoll_descriptor() -> int | None:
    """The descriptor of the event loop's epoll; None on systems without it."""
    loop = gevent.get_hub().loop
    return loop.fileno() if loop.backend == "epoll" else None
