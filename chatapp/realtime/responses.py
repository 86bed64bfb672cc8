"""Sends the head and the first piece of an HTTP response with one system call; gunicorn sends them separately."""

from typing import Any

from gunicorn.http import wsgi


class _Catch:
    """Replaces a connection to capture what would be sent."""

    def __init__(self) -> None:
        self.caught = b""

    def sendall(self, data: bytes) -> None:
        self.caught += data


class Response(wsgi.Response):  # type: ignore[misc]
    """A response whose head waits for the first piece of its body, or for its end."""

    sock: Any
    _head = b""

    def send_headers(self) -> None:
        """Called by gunicorn before the body."""
        if not self.headers_sent:
            connection, self.sock = self.sock, _Catch()
            try:
                super().send_headers()
            finally:
                caught, self.sock = self.sock, connection
            self._head = caught.caught

    def close(self) -> None:
        """Called by gunicorn at the end."""
        self.send_headers()
        self._send_head()
        super().close()

    def _emit_body(self, data: bytes) -> None:
        if self._head and not self.chunked:
            data, self._head = self._head + data, b""
        self._send_head()
        super()._emit_body(data)

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self.sock.sendall(head)


def install() -> None:
    """Make gunicorn use this class."""
    wsgi.Response = Response
