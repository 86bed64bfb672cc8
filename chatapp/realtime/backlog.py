"""How much waits for a client that does not read, and the end of it: stock Engine.IO would keep it all, for ever."""

import os
import socket
from typing import Any

from engineio.async_drivers.gevent import WebSocketWSGI
from engineio.socket import Socket
from gevent import monkey
from gevent.queue import JoinableQueue

MOST_UNREAD = 1024 * 1024


class MeasuredQueue(JoinableQueue):  # type: ignore[misc]
    """Packets that wait for a client, and how many bytes they are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.size = 0
        super().__init__(*args, **kwargs)

    def _put(self, item: Any) -> None:
        super()._put(item)
        self.size += _length(item)

    def _get(self) -> Any:
        item = super()._get()
        self.size -= _length(item)
        return item


class MeasuredWebSocket(WebSocketWSGI):  # type: ignore[misc]
    """A websocket whose connection its Engine.IO session knows (`wire`), so that it can be cut."""

    def __init__(self, handler: Any, server: Any) -> None:
        self._session = handler.__self__
        super().__init__(handler, server)
        self.server_args["max_message_size"] = server.max_http_buffer_size

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serve the websocket until its end."""
        # Nothing is compressed: a small message could unpack to a large one.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        self._session.wire = environ.get("gunicorn.socket")
        return super().__call__(environ, start_response)


def unread(transport: Socket) -> int:
    """The bytes that wait for a client."""
    return int(transport.queue.size)


def cut(transport: Socket) -> None:
    """End a session without waiting for its client, who reads nothing anyway."""
    transport.close(wait=False, abort=True)
    if wire := getattr(transport, "wire", None):
        end_stream(wire, socket.SHUT_RDWR)


def end_stream(connection: Any, how: int) -> None:
    """Shut a connection down, so that whoever reads or writes it sees its end.

    gevent's own shutdown would raise in the other greenlet instead.
    """
    try:
        with monkey.get_original("socket", "socket")(fileno=os.dup(connection.fileno())) as plain:
            plain.shutdown(how)
    except OSError:
        pass  # The client was faster.


def _length(item: Any) -> int:
    data = getattr(item, "data", None)
    return len(data) if isinstance(data, str | bytes) else 0
