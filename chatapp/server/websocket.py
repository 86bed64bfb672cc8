"""A websocket directly on the kernel's socket: the fast path of all emitted events.

A connection has no greenlet and no queue. The event loop reads its data; packets are encoded once for all recipients,
gathered until the loop has run what is ready, and written with one system call. Data that the kernel does not accept
waits, up to a bound, until the client reads.
"""

import base64
import hashlib
import os
import re
import socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent import monkey

from chatapp.core import metrics
from chatapp.server.frames import (
    BINARY,
    CLOSE,
    GOING_AWAY,
    NOT_TEXT,
    PING,
    PONG,
    TEXT,
    Decoder,
    FrameError,
    closing_status,
    encode,
)
from chatapp.server.transfer import stop_watching
from chatapp.server.turns import Work, turns

MAX_BACKLOG = 1024 * 1024
_READABLE, _WRITABLE = 1, 2
_CHUNK = 65536
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# The base64 of 16 bytes.
_KEY = re.compile("[A-Za-z0-9+/]{21}[AQgw]==")
_socket: Any = monkey.get_original("socket", "socket")


def handshake_response(environ: dict[str, Any]) -> bytes | None:
    """The response to a client's opening handshake (RFC 6455, section 4.2.2); None if the handshake is invalid."""
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "").strip()
    connection = [word.strip() for word in environ.get("HTTP_CONNECTION", "").lower().split(",")]
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13" or "upgrade" not in connection or not _KEY.fullmatch(key):
        return None
    proof = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + proof
        + b"\r\n\r\n"
    )


class WebSocketConnection:
    """A connection taken over from the HTTP server. `received` is called for each message, `ended` once."""

    __slots__ = (
        "_decoder",
        "_gathered",
        "_out",
        "_paused",
        "_reader",
        "_size",
        "_socket",
        "_writer",
        "backlog_exceeded",
        "ended",
        "received",
    )

    def __init__(self, connection: Any, max_size: int) -> None:
        self.received: Callable[[str | bytes], None]
        self.ended: Callable[[], None]
        self._socket = _socket(fileno=os.dup(connection.fileno()))
        # The HTTP server closes its own descriptor, which must not remove this one from the event loop.
        stop_watching(connection.fileno())
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder(max_size)
        loop = gevent.get_hub().loop
        self._reader = loop.io(self._socket.fileno(), _READABLE)
        self._writer: Any = None
        self._paused = False
        # Data for the end of the loop's turn, and data that the kernel has not accepted yet.
        self._gathered: list[bytes] = []
        self._out: list[bytes] = []
        self._size = 0
        # True if the connection was aborted because the client did not read.
        self.backlog_exceeded = False

    @property
    def open(self) -> bool:
        """True until the connection has ended."""
        return self._socket is not None

    @property
    def paused(self) -> bool:
        """True while nothing is read from the client."""
        return self._paused

    @property
    def unread(self) -> int:
        """The bytes that wait for the client."""
        return self._size

    def start(self, early: bytes) -> None:
        """Start reading; `early` is data that the HTTP server has already read."""
        self._reader.start(self._read)
        if early:
            self._take(early)

    def write(self, data: bytes) -> None:
        """Write encoded frames at the end of the loop's turn, together with others."""
        if self._out:
            self._wait(data)
            return
        if not self._gathered:
            _dirty.append(self)
            if len(_dirty) == 1:
                loop = gevent.get_hub().loop
                # After everything that is ready now, so that a sender gets the ack in the same write.
                loop.run_callback(loop.run_callback, _flush)
        self._gathered.append(data)

    def allow(self, max_size: int) -> None:
        """Accept messages of up to `max_size` bytes from now on."""
        self._decoder.allow(max_size)

    def pause(self) -> None:
        """Stop reading until `resume`: the client sends faster than its events are handled."""
        if not self._paused and self.open:
            self._paused = True
            self._reader.stop()

    def resume(self) -> None:
        """Read again."""
        if self._paused and self.open:
            self._paused = False
            self._reader.start(self._read)

    def close(self, status: int = GOING_AWAY) -> None:
        """Write what is gathered, and end the connection with a closing frame."""
        if self.open:
            self._gathered.append(encode(CLOSE, status.to_bytes(2, "big")))
            self.flush()
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        if not self.open:
            return
        for watcher in (self._reader, self._writer):
            if watcher:
                watcher.stop()
                watcher.close()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The client has already closed it.
        self._socket.close()
        self._socket = None
        self._gathered, self._out, self._size = [], [], 0
        self.ended()

    def flush(self) -> None:
        """Write the gathered data."""
        gathered, self._gathered = self._gathered, []
        if self._socket is None or not gathered:
            return
        data = gathered[0] if len(gathered) == 1 else b"".join(gathered)
        if self._out:
            self._wait(data)
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.abort()
            return
        if sent < len(data):
            self._wait(data[sent:])

    def _wait(self, data: bytes) -> None:
        """Keep data that the kernel does not accept; abort the connection when the backlog exceeds the bound."""
        self._out.append(data)
        self._size += len(data)
        if self._size > MAX_BACKLOG:
            metrics.backlog_drops.inc()
            self.backlog_exceeded = True
            self.abort()
        elif self._writer is None or not self._writer.active:
            self._writer = self._writer or gevent.get_hub().loop.io(self._socket.fileno(), _WRITABLE)
            self._writer.start(self._write_on)

    def _write_on(self) -> None:
        data = b"".join(self._out)
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        self._size -= sent
        self._out = [data[sent:]] if sent < len(data) else []
        if not self._out:
            self._writer.stop()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self._reader.stop()
            turns.start(Work.DEPARTURE, self.abort)

    def _take(self, data: bytes) -> None:
        try:
            for opcode, payload in self._decoder.feed(data):
                if opcode == TEXT:
                    self.received(payload.decode())
                elif opcode == BINARY:
                    self.received(payload)
                elif opcode == PING:
                    self.write(encode(PONG, payload))
                elif opcode == CLOSE:
                    self.close(closing_status(payload))
                if not self.open:
                    return
        except FrameError as error:
            self.close(error.status)
        except UnicodeDecodeError:
            self.close(NOT_TEXT)


_dirty: list[WebSocketConnection] = []


def _flush() -> None:
    """Called by the event loop after everything that was ready: write the gathered data of all connections."""
    global _dirty
    dirty, _dirty = _dirty, []
    for websocket in dirty:
        websocket.flush()
