"""Engine.IO sessions: polling as in the library, websockets on a `WebSocketConnection` of our own.

A session of the library has three greenlets, an unbounded queue, and a heartbeat in a greenlet of its own. Here a
websocket has none of these; one task sends the heartbeats of all sessions of a worker (`heartbeat`).
"""

import base64
import time
from collections import deque
from typing import Any, ClassVar

import gevent
from gevent.queue import Empty, Queue
from werkzeug.exceptions import RequestTimeout

from chatapp.compat.engineio import (
    CLOSE,
    MESSAGE,
    NOOP,
    PING,
    BaseSession,
    ContentTooLongError,
    EngineIOError,
    Packet,
    QueueEmpty,
    create_sessions,
)
from chatapp.compat.gunicorn import CONNECTION, take_read_ahead_of
from chatapp.core import metrics
from chatapp.server.admission import Held
from chatapp.server.frames import BINARY, TEXT, encode
from chatapp.server.websocket import MAX_BACKLOG, WebSocketConnection, accept
from chatapp.sockets.dispatch import ClientQueue, Dispatcher
from chatapp.sockets.packets import MALFORMED, MAX_PAYLOAD, MAX_RECEIVED, EncodedPacket, bounded

# For a client to complete an upgrade to a websocket; the same as in the reference implementation.
UPGRADE_TIMEOUT = 10.0
# How long a closed session continues to send its last packets.
CLOSE_DELAY = 5.0
# Packets other than CONNECT that a client may send before it authenticates.
MAX_EARLY_PACKETS = 100
# The server stops reading from a client while this many of its packets wait to be handled.
MAX_UNHANDLED = 64
# The Python client accepts no more packets in the response to a poll.
MAX_PER_POLL = 16
SEPARATOR = "\x1e"


class MeasuredQueue(Queue):  # type: ignore[misc]
    """Packets that wait for a polling client, and their size in bytes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.size = 0
        super().__init__(*args, **kwargs)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Append a packet."""
        super().put(item, block, timeout)
        self.size += _length(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the first packet; raises Empty."""
        item = super().get(block, timeout)
        self.size -= _length(item)
        return item


class Session(BaseSession):
    """One client's session. Its packets are handled in order (`client_queue`)."""

    dispatcher: Dispatcher
    # When a ping is due, and when a pong is overdue, per session; in order, since all sessions have the same intervals.
    _due: ClassVar[deque[tuple[float, "Session"]]] = deque()
    _overdue: ClassVar[deque[tuple[float, "Session"]]] = deque()
    # Websockets of upgrades in progress, with their deadlines.
    _upgrades: ClassVar[deque[tuple[float, "Session", WebSocketConnection]]] = deque()
    # The slot that an unauthenticated session occupies.
    held: Held | None = None
    has_token = False
    early_packets = 0
    # True once its CONNECT was refused: the session ends as soon as the client has received the error.
    refused = False

    def __init__(self, server: Any, sid: str) -> None:
        super().__init__(server, sid)
        self.websocket: WebSocketConnection | None = None
        self.client_queue = ClientQueue(self)
        self.backlog_exceeded = False

    def send_encoded(self, packet: EncodedPacket) -> None:
        """Send an encoded packet; a client whose backlog exceeds the bound is aborted."""
        if self.queue is None:
            if self.websocket:
                self.websocket.write(packet.frame)
        elif not self.closed:
            self.queue.put(Packet(MESSAGE, data=packet.text))
            if self.queue.size > MAX_BACKLOG and not self.backlog_exceeded:
                metrics.backlog_drops.inc()
                self.backlog_exceeded = True
                gevent.spawn(self.abort)

    def send(self, packet: Packet) -> None:
        """Send a packet of the library."""
        if self.queue is None:
            if self.websocket:
                self.websocket.write(_frame(packet))
        elif not self.closed:
            self.queue.put(packet)

    def handle_get_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Respond to a poll, or switch to a websocket."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            return self._become_websocket(environ)
        return super().handle_get_request(environ, start_response)

    def poll(self) -> list[Packet]:
        """Wait for packets and return them; QueueEmpty after a timeout, an empty list at the end."""
        queue = self.queue
        try:
            packets = [queue.get(timeout=self.server.ping_interval + self.server.ping_timeout)]
        except Empty:
            raise QueueEmpty from None
        while not queue.empty() and len(packets) < MAX_PER_POLL:
            packets.append(queue.get_nowait())
        if None in packets:
            # The end of the session, for every poll that follows. A payload without packets would be invalid.
            queue.put(None)
            packets = packets[: packets.index(None)] or [Packet(NOOP)]
        return packets

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Handle the packets of a POST; returns when all are handled. ContentTooLongError ends the session."""
        try:
            body = environ["wsgi.input"].read(MAX_RECEIVED + 1)
        except RequestTimeout as error:
            self.abort()
            raise EngineIOError from error
        if len(body) > MAX_RECEIVED:
            self.abort()
            raise ContentTooLongError
        try:
            packets = body.decode().split(SEPARATOR) if body else []
        except UnicodeDecodeError:
            packets = ["4" + MALFORMED]
        for packet in packets:
            self._take(packet)
        self.client_queue.drain()

    def handled(self) -> None:
        """Called after each packet: resume reading from the client."""
        if self.websocket and len(self.client_queue.waiting) < MAX_UNHANDLED:
            self.websocket.resume()

    def abort(self) -> None:
        """Abort the session without waiting for the client."""
        self.close(wait=False, abort=True)

    def authenticated(self) -> None:
        """The client has authenticated: allow larger messages, and free its slot."""
        self.has_token = True
        if self.websocket:
            self.websocket.allow(MAX_RECEIVED)
        self.release()

    def release(self) -> None:
        """Free the slot of an unauthenticated session."""
        if self.held:
            self.held.release()
            self.held = None

    def refuse(self) -> None:
        """End the session once the client has received the packets sent so far."""
        self.refused = True
        if self.queue is None:
            self.close(wait=False)
        else:
            # The next poll returns the error and the end of the session.
            self.queue.put(Packet(CLOSE))
            gevent.spawn_later(CLOSE_DELAY, self.abort)

    def count_early_packet(self) -> None:
        """Count a packet that arrived before authentication; abort a session that sends too many."""
        self.early_packets += 1
        if self.early_packets > MAX_EARLY_PACKETS and not self.refused:
            self.refused = True
            gevent.spawn(self.abort)

    @property
    def unread_by_server(self) -> bool:
        """True while packets of the client wait because the server has not read or handled earlier ones."""
        return self.websocket.paused if self.websocket else not self.client_queue.idle

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session: run its disconnect handlers, then inform the client, unless `abort` is set."""
        if self.closed or self.closing:
            return
        self.closing = True
        reason = reason or self.server.reason.SERVER_DISCONNECT
        self.run_disconnect_handlers(reason)
        if not abort:
            self.send(Packet(CLOSE))
        self.closed = True
        self.release()
        self.forget()
        if self.websocket and self.upgrading:
            # A client that stopped polling for an upgrade notices the end of the websocket only after the upgrade.
            gevent.spawn_later(CLOSE_DELAY, self.websocket.close)
        elif self.websocket:
            self.websocket.close()
        if self.queue:
            # Ends a waiting poll; a last poll may fetch the queued packets.
            self.queue.put(None)

    def schedule_ping(self) -> None:
        """A pong arrived: schedule the next ping."""
        if self.last_ping is not None:
            self.last_ping = None
            self._due.append((time.monotonic() + self.server.ping_interval, self))

    @classmethod
    def heartbeat(cls) -> None:
        """Send due pings, and end sessions whose pong is overdue (a background task)."""
        now = time.monotonic()
        while cls._due and cls._due[0][0] <= now:
            _, session = cls._due.popleft()
            if not session.closed:
                session.last_ping = now
                session.send(Packet(PING))
                cls._overdue.append((now + session.server.ping_timeout, session))
        while cls._overdue and cls._overdue[0][0] <= now:
            at, session = cls._overdue.popleft()
            if session.closed or session.last_ping is None or session.last_ping > at - session.server.ping_timeout:
                continue
            if session.unread_by_server:
                # The pong may be among the data that the server has not read yet.
                cls._overdue.append((now + session.server.ping_timeout, session))
            else:
                session.close(wait=False, abort=True, reason=session.server.reason.PING_TIMEOUT)
        while cls._upgrades and cls._upgrades[0][0] <= now:
            _, session, websocket = cls._upgrades.popleft()
            if session.websocket is not websocket or session.queue is None:
                continue
            if session.client_queue.idle:
                session._give_up()
            else:
                # The client finishes its requests before it upgrades, and one of them has no response yet.
                cls._upgrades.append((now + UPGRADE_TIMEOUT, session, websocket))

    def _become_websocket(self, environ: dict[str, Any]) -> Any:
        response = accept(environ)
        if response is None or self.websocket:
            if not self.connected:
                self.abort()
            return self.bad_request("Not a websocket handshake")
        connection = environ[CONNECTION]
        self.websocket = websocket = WebSocketConnection(connection, MAX_RECEIVED if self.has_token else MAX_PAYLOAD)
        websocket.received = self._probe if self.connected else self._take
        websocket.ended = self._websocket_ended
        websocket.write(response)
        if not self.connected:
            self._open()
        else:
            self._upgrades.append((time.monotonic() + UPGRADE_TIMEOUT, self, websocket))
        websocket.start(take_read_ahead_of(environ) + getattr(connection, "read_before", b""))
        # The HTTP server no longer handles this connection.
        raise StopIteration

    def _probe(self, packet: str | bytes) -> None:
        """A polling client probes whether a websocket works."""
        if packet != "2probe" or not self.websocket:
            self._give_up()
            return
        self.websocket.write(encode(TEXT, b"3probe"))
        self.upgrading = True
        self.websocket.received = self._confirm
        self.queue.put(Packet(NOOP))  # Ends the waiting poll.

    def _confirm(self, packet: str | bytes) -> None:
        """The probe succeeded: continue the session over the websocket."""
        if packet != "5" or not self.websocket:
            self._give_up()
        elif self.closed:
            self.websocket.close()
        else:
            self.websocket.received = self._take
            self._open()

    def _give_up(self) -> None:
        """Abort an upgrade; the session continues with polling."""
        self.upgrading = False
        if self.websocket:
            self.websocket.abort()

    def _open(self) -> None:
        """Send over the websocket what waited for a poll."""
        self.connected = self.upgraded = True
        self.upgrading = False
        queue, self.queue = self.queue, None
        while not queue.empty():
            if packet := queue.get_nowait():
                self.send(packet)

    def _take(self, packet: str | bytes) -> None:
        """Handle a packet of the client; an unexpected one is treated as malformed.

        Called by the event loop: neither blocks nor raises.
        """
        kind = packet[:1]
        if isinstance(packet, bytes):
            self._handle(b"")
        elif kind == "4":
            self._handle(bounded(packet[1:]))
        elif kind == "3":
            self.schedule_ping()
        elif kind == "1":
            gevent.spawn(self.close, wait=False, abort=True, reason=self.server.reason.CLIENT_DISCONNECT)
        elif kind == "b" and _is_base64(packet[1:]):
            self._handle(b"")
        else:
            self._handle(MALFORMED)

    def _handle(self, packet: str | bytes) -> None:
        self.dispatcher.put(self.client_queue, packet)
        if len(self.client_queue.waiting) > MAX_UNHANDLED and self.websocket:
            self.websocket.pause()

    def _websocket_ended(self) -> None:
        """Called by the event loop when the websocket has ended; ends the session too, unless it still polls."""
        if self.websocket and self.websocket.backlog_exceeded:
            self.backlog_exceeded = True
        self.websocket = None
        if self.queue is None:
            gevent.spawn(self.close, wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        else:
            self.upgrading = False


def install(server: Any, dispatcher: Dispatcher) -> None:
    """Make an Engine.IO server create sessions of this class."""
    Session.dispatcher = dispatcher
    create_sessions(server, Session, MeasuredQueue)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _frame(packet: Packet) -> bytes:
    encoded = packet.encode()
    return encode(TEXT, encoded.encode()) if isinstance(encoded, str) else encode(BINARY, encoded)


def _length(item: Any) -> int:
    data = getattr(item, "data", None)
    return len(data) if isinstance(data, str | bytes) else 0
