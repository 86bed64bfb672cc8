"""What an Engine.IO session sends and receives on: polls, and from an upgrade on a websocket.

    NEW ────► POLLING ◄──► PROBING ────► UPGRADING ────► WEBSOCKET ────► ENDED
     │           ▲                         │    │            ▲             ▲
     │           └─────────────────────────┘    └──► ENDING ─┼─────────────┘
     └───────────────────────────────────────────────────────┘

Until WEBSOCKET, packets for the client wait for a poll. PROBING: a websocket has opened beside the polls. UPGRADING: its
probe was answered, and the client stops polling. An upgrade that fails or takes too long closes the websocket and
leads back to POLLING. ENDING: the session ended during an upgrade, and the client learns that on the websocket. ENDED
follows every other state too; nothing is sent after it.
"""

from collections.abc import Callable, Mapping, Set
from enum import Enum, auto
from typing import Any

import gevent

from chatapp.compat.engineio import MESSAGE, NOOP, Packet
from chatapp.compat.gunicorn import CONNECTION, take_read_ahead_of
from chatapp.core import metrics
from chatapp.server.frames import BINARY, TEXT, encode
from chatapp.server.websocket import MAX_BACKLOG, WebSocketConnection, handshake_response
from chatapp.sockets.packets import EncodedPacket
from chatapp.sockets.polling import PacketQueue

# How long the websocket of an upgrade stays open after the session has ended.
CLOSE_DELAY = 5.0
# Reasons for the loss of a client.
BACKLOG_EXCEEDED = "backlog exceeded"
WEBSOCKET_CLOSED = "transport close"


class State(Enum):
    """The state of a transport."""

    NEW = auto()
    POLLING = auto()
    PROBING = auto()
    UPGRADING = auto()
    WEBSOCKET = auto()
    ENDING = auto()
    ENDED = auto()


# For each delivery: reading a member of an enumeration costs as much as the rest of `send_encoded`.
_WEBSOCKET = State.WEBSOCKET
# state → the states that may follow.
TRANSITIONS: Mapping[State, Set[State]] = {
    State.NEW: {State.POLLING, State.WEBSOCKET, State.ENDED},
    State.POLLING: {State.PROBING, State.ENDED},
    State.PROBING: {State.POLLING, State.UPGRADING, State.ENDED},
    State.UPGRADING: {State.POLLING, State.WEBSOCKET, State.ENDING, State.ENDED},
    State.WEBSOCKET: {State.ENDED},
    State.ENDING: {State.ENDED},
    State.ENDED: set(),
}


class Transport:
    """The transport of one session. `received` is called for each packet of the client on a websocket, `lost` once
    with the reason, if the client left or does not read.

    The event loop calls both: they must neither block nor raise.
    """

    def __init__(self, received: Callable[[str | bytes], None], lost: Callable[[str], None]) -> None:
        self.state = State.NEW
        self._received = received
        self._lost = lost
        self._queue = PacketQueue()
        # While PROBING, UPGRADING, ENDING or WEBSOCKET, and until it has ended.
        self._websocket: WebSocketConnection | None = None

    def _enter(self, state: State) -> bool:
        """Enter a state; False if it can't follow the current one."""
        if state not in TRANSITIONS[self.state]:
            return False
        self.state = state
        return True

    @property
    def polled(self) -> bool:
        """True while the client may poll and post."""
        return self.state in (State.POLLING, State.PROBING, State.UPGRADING)

    @property
    def paused(self) -> bool:
        """True while nothing is read from the websocket that the session uses."""
        return self.state is State.WEBSOCKET and self._websocket is not None and self._websocket.paused

    def send_encoded(self, packet: EncodedPacket) -> None:
        """Send an encoded packet."""
        if self.state is _WEBSOCKET and self._websocket:
            self._websocket.write(packet.frame)
        else:
            self._put(Packet(MESSAGE, data=packet.text))

    def send(self, packet: Packet) -> None:
        """Send a packet of the library."""
        if self.state is State.WEBSOCKET and self._websocket:
            self._websocket.write(_frame(packet))
        else:
            self._put(packet)

    def _put(self, packet: Packet) -> None:
        """Queue a packet for the next poll; a client whose backlog exceeds the bound is lost."""
        if self.state in (State.ENDING, State.ENDED):
            return
        self._queue.put(packet)
        if self._queue.size > MAX_BACKLOG and self._enter(State.ENDED):
            metrics.backlog_drops.inc()
            self._lost(BACKLOG_EXCEEDED)

    def start_polling(self) -> None:
        """The handshake of a polling client is complete."""
        self._enter(State.POLLING)

    def poll(self, timeout: float) -> list[Packet]:
        """The packets for the response to a poll, at least one; raises QueueEmpty after `timeout` seconds."""
        return [Packet(NOOP)] if self.state is State.UPGRADING else self._queue.poll(timeout)

    def open_websocket(self, environ: dict[str, Any], max_size: int) -> WebSocketConnection | None:
        """Take over the connection of a handshake, for a new session or beside the polls; None if it is not valid."""
        response = handshake_response(environ)
        if response is None or self.state not in (State.NEW, State.POLLING):
            return None
        connection = environ[CONNECTION]
        self._websocket = websocket = WebSocketConnection(connection, max_size)
        websocket.received = self._take_probe
        websocket.ended = self._websocket_ended
        websocket.write(response)
        if not self._enter(State.PROBING):
            self._use_websocket()
        websocket.start(take_read_ahead_of(environ) + getattr(connection, "read_before", b""))
        return websocket

    def upgrades_to(self, websocket: WebSocketConnection) -> bool:
        """True while the upgrade to this websocket is in progress."""
        return websocket is self._websocket and self.state in (State.PROBING, State.UPGRADING)

    def allow(self, max_size: int) -> None:
        """Accept messages of up to `max_size` bytes from now on."""
        if self._websocket:
            self._websocket.allow(max_size)

    def pause(self) -> None:
        """Stop reading from the websocket until `resume`."""
        if self._websocket:
            self._websocket.pause()

    def resume(self) -> None:
        """Read again."""
        if self._websocket:
            self._websocket.resume()

    def end(self) -> None:
        """End the transport. A waiting poll gets the queued packets."""
        websocket, upgrading = self._websocket, self._enter(State.ENDING)
        if not upgrading:
            self._enter(State.ENDED)
        self._queue.end()
        if websocket and upgrading:
            # A client that stopped polling notices the end of the websocket only after the upgrade.
            gevent.spawn_later(CLOSE_DELAY, websocket.close)
        elif websocket:
            websocket.close()
        # Nothing more is received. The session and this refer to each other no longer, and need no garbage collection.
        self._received = self._lost = _ignore

    def _take_probe(self, packet: str | bytes) -> None:
        """Handle a packet on a websocket that the session does not use yet."""
        if not self._websocket:
            return
        if packet == "2probe" and self._enter(State.UPGRADING):
            self._websocket.write(encode(TEXT, b"3probe"))
            self._queue.put(Packet(NOOP))  # Ends the waiting poll.
        elif packet == "5" and self.state in (State.UPGRADING, State.ENDING):
            self._use_websocket()
        else:
            self._websocket.abort()

    def _use_websocket(self) -> None:
        """Send over the websocket what waited for a poll, and continue on it."""
        if not (websocket := self._websocket):
            return
        websocket.received = self._received
        in_use = self._enter(State.WEBSOCKET)
        for packet in self._queue.take_all():
            websocket.write(_frame(packet))
        # Polls that still wait, such as one that the client has repeated, end now: there is nothing more to wait for.
        self._queue.end()
        if not in_use:
            websocket.close()

    def _websocket_ended(self) -> None:
        """Called by the event loop. The client is lost, unless it still polls."""
        websocket, self._websocket = self._websocket, None
        if self._enter(State.POLLING):
            return
        if self.state is State.WEBSOCKET:
            self._lost(BACKLOG_EXCEEDED if websocket and websocket.backlog_exceeded else WEBSOCKET_CLOSED)
        self._enter(State.ENDED)


def _ignore(_received: object) -> None:
    pass


def _frame(packet: Packet) -> bytes:
    encoded = packet.encode()
    return encode(TEXT, encoded.encode()) if isinstance(encoded, str) else encode(BINARY, encoded)
