"""A load generator: many websocket clients in one loop, as cheap as Python can make them.

It speaks just enough of WebSocket (RFC 6455), Engine.IO 4 and Socket.IO 5 to be a client that the server can't tell
from others: its frames are masked, it answers pings, it reads everything.
"""

import os
import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

import orjson

Packet: TypeAlias = bytes
ON_EVENT: TypeAlias = "Callable[[Client, Packet], None]"

_UPGRADE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Client:
    """One socket in `/chat`. `packet` is called with each Socket.IO packet that comes once it is let in."""

    __slots__ = ("_hello", "_in", "_mask", "_mask_int", "connected", "descriptor", "index", "packet", "socket")

    def __init__(self, port: int, token: str, index: int, packet: ON_EVENT) -> None:
        self.index = index
        self.packet = packet
        self.connected = False
        self._mask = os.urandom(4)
        self._mask_int = int.from_bytes(self._mask * 4096, "little")
        self._in = b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.descriptor = self.socket.fileno()
        self._hello = b'40/chat,{"token":"' + token.encode() + b'"}'
        self.socket.sendall(_UPGRADE.format(port=port).encode())

    def send(self, packet: Packet) -> None:
        """Send a Socket.IO packet."""
        self.socket.sendall(self._frame(packet))

    def read(self) -> None:
        """Take in what has come; ConnectionError at its end."""
        data = self.socket.recv(262144)
        if not data:
            raise ConnectionError("the server closed the connection")
        data = self._in + data if self._in else data
        at, end = self._end_of_handshake(data), len(data)
        while end - at >= 2:
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if end - at < head + size:
                break
            packet = data[at + head : at + head + size]
            at += head + size
            if self.connected and packet[:1] == b"4":
                self.packet(self, packet)
            else:
                self._handle(packet)
        self._in = data[at:]

    def _end_of_handshake(self, data: bytes) -> int:
        """Where frames begin in `data`: behind the response to the upgrade, or at its end while that is incomplete."""
        if data[:4] != b"HTTP":
            return 0
        at = data.find(b"\r\n\r\n") + 4
        if at == 3:
            return len(data)
        if not data.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(data.decode())
        self.send(self._hello)
        return at

    def _handle(self, packet: bytes) -> None:
        """Handle a ping, or a packet before the socket is connected."""
        if packet == b"2":
            self.send(b"3")
        elif packet[:2] == b"40":
            self.connected = True
        elif packet[:2] == b"44":
            raise ConnectionError(packet.decode())

    def _frame(self, payload: bytes) -> bytes:
        size = len(payload)
        head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        mask = self._mask_int & ((1 << (8 * size)) - 1)
        return head + self._mask + (int.from_bytes(payload, "little") ^ mask).to_bytes(size, "little")


class Crowd:
    """Clients that are served by one loop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._poll = select.epoll()
        self._by_descriptor: dict[int, Client] = {}
        self.clients: list[Client] = []

    def connect(self, tokens: Iterable[str], packet: ON_EVENT, at_once: int = 50) -> list[Client]:
        """A socket for each token, all of them let in; `at_once` connect together."""
        new: list[Client] = []
        waiting: list[Client] = []
        for token in tokens:
            client = Client(self._port, token, len(self.clients), packet)
            self.clients.append(client)
            self._by_descriptor[client.descriptor] = client
            self._poll.register(client.descriptor, select.EPOLLIN)
            new.append(client)
            waiting.append(client)
            while len(waiting) >= at_once:
                self.turn()
                waiting = [each for each in waiting if not each.connected]
        self.until(lambda: all(client.connected for client in new), 60)
        return new

    def turn(self, seconds: float = 1.0) -> None:
        """Wait for something to come and take it in."""
        for descriptor, _ in self._poll.poll(seconds, 512):
            self._by_descriptor[descriptor].read()

    def until(self, happened: Callable[[], bool], seconds: float) -> None:
        """Handle arriving data until it has happened; TimeoutError if it does not."""
        deadline = time.monotonic() + seconds
        while not happened():
            self.turn()
            if time.monotonic() > deadline:
                raise TimeoutError(f"It has not happened within {seconds} s.")

    def run(self, seconds: float) -> None:
        """Handle arriving data for a while."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.turn(left)

    def close(self) -> None:
        """End all connections."""
        for client in self.clients:
            client.socket.close()
        self._poll.close()
        self.clients, self._by_descriptor = [], {}


def event(name: str, payload: object, ack: int) -> Packet:
    """The packet of an event that asks for an ack."""
    return b"42/chat,%d" % ack + orjson.dumps([name, payload])
