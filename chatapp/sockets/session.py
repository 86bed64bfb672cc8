"""Engine.IO sessions: the library does the handshake, and everything after it happens here.

A session of the library has three greenlets, an unbounded queue, and a heartbeat in a greenlet of its own. A session of
this class has none of these while its transport (`transport.py`) is a websocket.

    UNAUTHENTICATED ────► AUTHENTICATED ────► CLOSING ────► CLOSED
          │                     │                ▲
          ├─────► REFUSED ◄─────┘                │
          │          └───────────────────────────┤
          └──────────────────────────────────────┘

REFUSED: the client has yet to receive the error. CLOSING: its disconnect handlers run.
"""

import base64
from collections.abc import Mapping, Set
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from typing import Any

import gevent

from chatapp.compat.engineio import CLOSE, PING, BaseSession, EngineIOError, Packet, QueueEmpty
from chatapp.server.admission import Held
from chatapp.server.turns import Work, turns
from chatapp.server.websocket import WebSocketConnection
from chatapp.sockets.dispatch import ClientQueue, Dispatcher
from chatapp.sockets.heartbeat import Heartbeat
from chatapp.sockets.packets import MALFORMED, MAX_PAYLOAD, MAX_RECEIVED, bounded
from chatapp.sockets.polling import read_packets
from chatapp.sockets.transport import CLOSE_DELAY, Transport
from chatapp.sockets.transport import State as TransportState

# Packets other than CONNECT that a client may send before it authenticates.
MAX_EARLY_PACKETS = 100
# The server stops reading from a client while this many of its packets wait to be handled.
MAX_UNHANDLED = 64


class Stage(Enum):
    """The state of a session."""

    UNAUTHENTICATED = auto()
    AUTHENTICATED = auto()
    REFUSED = auto()
    CLOSING = auto()
    CLOSED = auto()


# stage → the stages that may follow.
TRANSITIONS: Mapping[Stage, Set[Stage]] = {
    Stage.UNAUTHENTICATED: {Stage.AUTHENTICATED, Stage.REFUSED, Stage.CLOSING},
    Stage.AUTHENTICATED: {Stage.REFUSED, Stage.CLOSING},
    Stage.REFUSED: {Stage.CLOSING},
    Stage.CLOSING: {Stage.CLOSED},
    Stage.CLOSED: set(),
}


class Session(BaseSession):
    """One client's session. Its packets are handled in order (`client_queue`)."""

    def __init__(self, server: Any, sid: str, dispatcher: Dispatcher, heartbeat: Heartbeat) -> None:
        super().__init__(server, sid)
        self.stage = Stage.UNAUTHENTICATED
        self.transport = Transport(self._take, self._lost)
        # The slot that an unauthenticated session occupies.
        self.held: Held | None = None
        # The client's address, and whether a page of a browser began the session.
        self.address = ""
        self.from_page = False
        # When the ping was sent that has no pong yet; before the first ping, the library calls `schedule_ping`.
        self.pinged_at: float | None = 0.0
        self.client_queue = ClientQueue(self)
        self._dispatcher = dispatcher
        self._heartbeat = heartbeat
        self._early_packets = 0

    def _enter(self, stage: Stage) -> bool:
        """Enter a stage; False if it can't follow the current one."""
        if stage not in TRANSITIONS[self.stage]:
            return False
        self.stage = stage
        if self.held and stage in (Stage.AUTHENTICATED, Stage.CLOSED):
            self.held.release()
            self.held = None
        return True

    @property
    def connected(self) -> bool:
        """True once the handshake is complete. The library sets it for a polling client."""
        return self.transport.state is not TransportState.NEW

    @connected.setter
    def connected(self, _true: bool) -> None:
        self.transport.start_polling()

    @property
    def upgraded(self) -> bool:
        """True if the session accepts no polls and posts."""
        return self.connected and not self.transport.polled

    @property
    def closed(self) -> bool:
        """True once the session has ended."""
        return self.stage is Stage.CLOSED

    @property
    def busy(self) -> bool:
        """True while packets of the client wait because the server has not read or handled earlier ones."""
        return self.transport.paused or (self.transport.polled and not self.client_queue.idle)

    def send(self, packet: Packet) -> None:
        """Send a packet of the library."""
        self.transport.send(packet)

    def handle_get_request(self, environ: dict[str, Any], _start_response: Any) -> Any:
        """Respond to a poll, or open a websocket."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            max_size = MAX_RECEIVED if self.stage is Stage.AUTHENTICATED else MAX_PAYLOAD
            websocket = self.transport.open_websocket(environ, max_size)
            if not websocket:
                if not self.connected:
                    self.abort()
                return self.bad_request("Not a websocket handshake")
            if self.transport.polled:
                self._heartbeat.limit_upgrade(partial(self._end_late_upgrade, websocket))
            # The HTTP server no longer handles this connection.
            raise StopIteration
        try:
            return self.poll()
        except QueueEmpty:
            if self.transport.polled:
                self.close(reason=self.server.reason.TRANSPORT_ERROR)
            raise

    def poll(self) -> list[Packet]:
        """Wait for packets and return them; raises QueueEmpty if there are none for longer than between two pings."""
        return self.transport.poll(self._heartbeat.interval + self._heartbeat.timeout)

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Handle the packets of a POST; returns when all are handled. EngineIOError ends the session."""
        try:
            packets = read_packets(environ)
        except EngineIOError:
            self.abort()
            raise
        for packet in packets:
            self._take(packet)
        # Killed while it waits: the worker ends, and the library would log that as an error.
        with suppress(gevent.GreenletExit):
            self.client_queue.drain()

    def _take(self, packet: str | bytes) -> None:
        """Handle a packet of the client; an unexpected one is treated as malformed.

        Called by the event loop: neither blocks nor raises.
        """
        kind = packet[:1]
        if isinstance(packet, bytes):
            self._handle(b"")
        elif kind == "4":
            # A character has up to four bytes.
            self._handle(packet[1:] if len(packet) <= MAX_PAYLOAD // 4 else bounded(packet[1:]))
        elif kind == "3":
            self.schedule_ping()
        elif kind == "1":
            self._lost(self.server.reason.CLIENT_DISCONNECT)
        elif kind == "b" and _is_base64(packet[1:]):
            self._handle(b"")
        else:
            self._handle(MALFORMED)

    def _handle(self, packet: str | bytes) -> None:
        self._dispatcher.put(self.client_queue, packet)
        if len(self.client_queue.waiting) > MAX_UNHANDLED:
            self.transport.pause()

    def handled(self) -> None:
        """Called after each packet: resume reading from the client."""
        if len(self.client_queue.waiting) < MAX_UNHANDLED:
            self.transport.resume()

    def _end_late_upgrade(self, websocket: WebSocketConnection) -> bool:
        """End an upgrade; False if the client still waits for a response to a request, after which it upgrades."""
        if not self.transport.upgrades_to(websocket):
            return True
        if self.client_queue.idle:
            websocket.abort()
        return self.client_queue.idle

    def authenticated(self) -> None:
        """The client has authenticated: allow larger messages."""
        if self._enter(Stage.AUTHENTICATED):
            self.transport.allow(MAX_RECEIVED)

    def refuse(self) -> None:
        """End the session once the client has received the packets sent so far."""
        if not self._enter(Stage.REFUSED):
            return
        if self.transport.polled:
            # The next poll returns the error and the end of the session.
            self.send(Packet(CLOSE))
            gevent.spawn_later(CLOSE_DELAY, self.abort)
        else:
            self.close()

    def count_early_packet(self) -> None:
        """Count a packet that arrived before authentication; abort a session that sends too many."""
        self._early_packets += 1
        if self._early_packets > MAX_EARLY_PACKETS and self._enter(Stage.REFUSED):
            gevent.spawn(self.abort)

    def abort(self) -> None:
        """Close the session without informing the client."""
        self.close(abort=True)

    def close(self, *, abort: bool = False, reason: str | None = None) -> None:
        """End the session: run its disconnect handlers, then inform the client, unless `abort` is set."""
        if not self._enter(Stage.CLOSING):
            return
        self.run_disconnect_handlers(reason or self.server.reason.SERVER_DISCONNECT)
        if not abort:
            self.send(Packet(CLOSE))
        self._enter(Stage.CLOSED)
        self.forget()
        self.transport.end()
        # With this cycle a garbage collection would have to find the session.
        self.client_queue.owner = None

    def _lost(self, reason: str) -> None:
        """The client has left, or does not read. Neither blocks nor raises."""
        turns.start(Work.DEPARTURE, lambda: self.close(abort=True, reason=reason))

    def schedule_ping(self) -> None:
        """A pong arrived: schedule the next ping."""
        if self.pinged_at is not None:
            self._heartbeat.schedule(self)

    def ping(self) -> None:
        """Send a ping."""
        self.send(Packet(PING))

    def miss_pong(self) -> None:
        """End the session, whose client does not respond to pings."""
        self.close(abort=True, reason=self.server.reason.PING_TIMEOUT)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
