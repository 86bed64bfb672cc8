"""Polling, the transport without a websocket: packets for the client wait for a poll, its own arrive in POSTs."""

from collections.abc import Iterator
from typing import Any

from gevent.queue import Empty, Queue
from werkzeug.exceptions import RequestTimeout

from chatapp.compat.engineio import NOOP, ContentTooLongError, EngineIOError, Packet, QueueEmpty
from chatapp.sockets.packets import MALFORMED, MAX_RECEIVED

# The Python client accepts no more packets in the response to a poll.
MAX_PER_POLL = 16
SEPARATOR = "\x1e"


class PacketQueue:
    """Packets that wait for a poll; `size` is their size in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._queue = Queue()

    def put(self, packet: Packet) -> None:
        """Append a packet. Never blocks."""
        self._queue.put(packet)
        self.size += _length(packet)

    def end(self) -> None:
        """End this poll and all that follow, after the queued packets."""
        self._queue.put(None)

    def poll(self, timeout: float) -> list[Packet]:
        """Wait for packets and return them, at least one; raises QueueEmpty after `timeout` seconds."""
        try:
            packets = [self._take(timeout)]
        except Empty:
            raise QueueEmpty from None
        while not self._queue.empty() and len(packets) < MAX_PER_POLL:
            packets.append(self._take())
        if None in packets:
            self.end()
            # A payload without packets would be invalid.
            packets = packets[: packets.index(None)] or [Packet(NOOP)]
        return packets

    def take_all(self) -> Iterator[Packet]:
        """The packets of a client that polls no more."""
        while not self._queue.empty():
            if packet := self._take():
                yield packet

    def _take(self, timeout: float | None = None) -> Any:
        packet = self._queue.get(timeout=timeout)
        self.size -= _length(packet)
        return packet


def read_packets(environ: dict[str, Any]) -> list[str]:
    """The packets in the body of a POST. Raises EngineIOError if it is late, and ContentTooLongError."""
    try:
        body = environ["wsgi.input"].read(MAX_RECEIVED + 1)
    except RequestTimeout as error:
        raise EngineIOError from error
    if len(body) > MAX_RECEIVED:
        raise ContentTooLongError
    try:
        return body.decode().split(SEPARATOR) if body else []
    except UnicodeDecodeError:
        return ["4" + MALFORMED]


def _length(packet: Packet | None) -> int:
    data = getattr(packet, "data", None)
    return len(data) if isinstance(data, str | bytes) else 0
