"""Engine.IO sessions of this server: polling as the library does it, websockets on a `WebSocketConnection` of our own.

A stock session costs three greenlets and a queue, keeps whatever waits for its client, for ever, and asks each client
for a sign of life from a greenlet of its own. Here a websocket has none of these; the sessions of a worker are asked
in turn (`heartbeat`).
"""

import base64
import time
from collections import deque
from typing import Any, ClassVar

import engineio.server
import gevent
from engineio.exceptions import ContentTooLongError, EngineIOError, QueueEmpty
from engineio.packet import CLOSE, MESSAGE, NOOP, PING, Packet
from engineio.socket import Socket
from gevent.queue import Empty, Queue
from werkzeug.exceptions import RequestTimeout

from chatapp.core import metrics
from chatapp.realtime.admission import Held
from chatapp.realtime.dispatch import ClientQueue, Dispatcher
from chatapp.realtime.frames import BINARY, TEXT, encode
from chatapp.realtime.packets import MALFORMED, MAX_PAYLOAD, MAX_RECEIVED, EncodedPacket, bounded
from chatapp.realtime.websocket import MAX_BACKLOG, WebSocketConnection, accept

# For a client to end the upgrade to a websocket that it began; the same as in the reference implementation.
UPGRADE_TIMEOUT = 10.0
# How long a closed session still sends its last packets.
CLOSE_DELAY = 5.0
# Packets other than CONNECT that a client may send before it presents a token.
MAX_EARLY_PACKETS = 100
# Reading from a client stops while this many of its packets wait to be handled.
MAX_UNHANDLED = 64
# Python's own client takes no more in the answer to a poll.
MAX_PER_POLL = 16
SEPARATOR = "\x1e"


class MeasuredQueue(Queue):  # type: ignore[misc]
    """Packets that wait for a polling client, and how many bytes they are."""

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


class Session(Socket):  # type: ignore[misc]
    """One client's session. What it sends is handled in order (`client_queue`)."""

    closed: bool
    closing: bool
    last_ping: float | None
    queue: Any
    dispatcher: Dispatcher
    # When each session is to be asked for a sign of life, or to have given one: in order, for all wait equally long.
    _due: ClassVar[deque[tuple[float, "Session"]]] = deque()
    _overdue: ClassVar[deque[tuple[float, "Session"]]] = deque()
    # The websockets to which sessions are being upgraded, and until when that has to be done.
    _upgrades: ClassVar[deque[tuple[float, "Session", WebSocketConnection]]] = deque()
    # What the session counts as while no token was presented.
    held: Held | None = None
    has_token = False
    early_packets = 0
    # Whether the session's CONNECT was refused: it ends once its client has been informed.
    refused = False

    def __init__(self, server: Any, sid: str) -> None:
        super().__init__(server, sid)
        self.websocket: WebSocketConnection | None = None
        self.client_queue = ClientQueue(self)
        self.backlog_exceeded = False

    def send_encoded(self, packet: EncodedPacket) -> None:
        """Hand an encoded packet to the client; one that does not read is cut."""
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
        """Called by the library for packets of its own."""
        if self.queue is None:
            if self.websocket:
                self.websocket.write(_frame(packet))
        elif not self.closed:
            self.queue.put(packet)

    def handle_get_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a poll, or be a websocket from now on."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            return self._become_websocket(environ)
        return super().handle_get_request(environ, start_response)

    def poll(self) -> list[Packet]:
        """What waits for the client, once there is something; QueueEmpty after too long, nothing at the end."""
        queue = self.queue
        try:
            packets = [queue.get(timeout=self.server.ping_interval + self.server.ping_timeout)]
        except Empty:
            raise QueueEmpty from None
        while not queue.empty() and len(packets) < MAX_PER_POLL:
            packets.append(queue.get_nowait())
        if None in packets:
            # The end: for every poll that comes. A payload without packets would be none.
            queue.put(None)
            packets = packets[: packets.index(None)] or [Packet(NOOP)]
        return packets

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take what a polling client posted, and return when it was handled; ContentTooLongError ends the session."""
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
        """One of its packets was handled: more may come."""
        if self.websocket and len(self.client_queue.waiting) < MAX_UNHANDLED:
            self.websocket.resume()

    def abort(self) -> None:
        """End the session without waiting for its client, who reads nothing anyway."""
        self.close(wait=False, abort=True)

    def authenticated(self) -> None:
        """A token was presented: the client may send more at once, and counts no longer."""
        self.has_token = True
        if self.websocket:
            self.websocket.allow(MAX_RECEIVED)
        self.release()

    def release(self) -> None:
        """Count the session no longer among those without a token."""
        if self.held:
            self.held.release()
            self.held = None

    def refuse(self) -> None:
        """End the session after its client has received what was sent so far."""
        self.refused = True
        if self.queue is None:
            self.close(wait=False)
        else:
            # The next poll gets the refusal, and with it the end of the session.
            self.queue.put(Packet(CLOSE))
            gevent.spawn_later(CLOSE_DELAY, self.abort)

    def count_early_packet(self) -> None:
        """A packet came before a token: end a session that sends too many of them."""
        self.early_packets += 1
        if self.early_packets > MAX_EARLY_PACKETS and not self.refused:
            self.refused = True
            gevent.spawn(self.abort)

    @property
    def unread_by_server(self) -> bool:
        """Whether the client's packets wait because the server has not read or handled earlier ones."""
        return self.websocket.paused if self.websocket else not self.client_queue.idle

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session: its handlers are told, then the client, unless `abort` says that it needs no telling."""
        if self.closed or self.closing:
            return
        self.closing = True
        reason = reason or self.server.reason.SERVER_DISCONNECT
        self.server._trigger_event("disconnect", self.sid, reason, run_async=False)
        if not abort:
            self.send(Packet(CLOSE))
        self.closed = True
        self.release()
        self.server.sockets.pop(self.sid, None)
        if self.websocket and self.upgrading:
            # A client that has stopped polling for a websocket does not notice its end before it is through.
            gevent.spawn_later(CLOSE_DELAY, self.websocket.close)
        elif self.websocket:
            self.websocket.close()
        if self.queue:
            # Ends a poll that waits; a last one may fetch what was said before.
            self.queue.put(None)

    def schedule_ping(self) -> None:
        """The client has given a sign of life: ask for the next one later."""
        if self.last_ping is not None:
            self.last_ping = None
            self._due.append((time.monotonic() + self.server.ping_interval, self))

    @classmethod
    def heartbeat(cls) -> None:
        """Ask those whose turn it is for a sign of life, end those who gave none (a background task)."""
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
                # Its pong may be among what the server has not read yet.
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
                # The client ends its requests before it upgrades, and the server has yet to answer one.
                cls._upgrades.append((now + UPGRADE_TIMEOUT, session, websocket))

    def _become_websocket(self, environ: dict[str, Any]) -> Any:
        response = accept(environ)
        if response is None or self.websocket:
            if not self.connected:
                self.abort()
            return self.server._bad_request("Not a websocket handshake")
        connection = environ["gunicorn.socket"]
        self.websocket = websocket = WebSocketConnection(connection, MAX_RECEIVED if self.has_token else MAX_PAYLOAD)
        websocket.received = self._probe if self.connected else self._take
        websocket.ended = self._websocket_ended
        websocket.write(response)
        if not self.connected:
            self._open()
        else:
            self._upgrades.append((time.monotonic() + UPGRADE_TIMEOUT, self, websocket))
        websocket.start(environ["wsgi.input"].reader.unreader.take_buffered() + getattr(connection, "read_before", b""))
        # The HTTP server is done with this connection.
        raise StopIteration

    def _probe(self, packet: str | bytes) -> None:
        """A client that polls tries whether a websocket works."""
        if packet != "2probe" or not self.websocket:
            self._give_up()
            return
        self.websocket.write(encode(TEXT, b"3probe"))
        self.upgrading = True
        self.websocket.received = self._confirm
        self.queue.put(Packet(NOOP))  # Ends the poll that waits.

    def _confirm(self, packet: str | bytes) -> None:
        """It does: from here on the session goes over the websocket."""
        if packet != "5" or not self.websocket:
            self._give_up()
        elif self.closed:
            self.websocket.close()
        else:
            self.websocket.received = self._take
            self._open()

    def _give_up(self) -> None:
        """The session goes on polling."""
        self.upgrading = False
        if self.websocket:
            self.websocket.abort()

    def _open(self) -> None:
        """What waited for a poll goes over the websocket."""
        self.connected = self.upgraded = True
        self.upgrading = False
        queue, self.queue = self.queue, None
        while not queue.empty():
            if packet := queue.get_nowait():
                self.send(packet)

    def _take(self, packet: str | bytes) -> None:
        """Take a packet of the client; one that no client has to send is answered as one that can't be read.

        The event loop calls this: it neither blocks nor raises.
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
        """Called by the event loop: the websocket is gone, and the session too if it went over it."""
        if self.websocket and self.websocket.backlog_exceeded:
            self.backlog_exceeded = True
        self.websocket = None
        if self.queue is None:
            gevent.spawn(self.close, wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        else:
            self.upgrading = False


def install(dispatcher: Dispatcher) -> None:
    """Have the library make sessions of this kind."""
    Session.dispatcher = dispatcher
    engineio.server.socket.Socket = Session


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
