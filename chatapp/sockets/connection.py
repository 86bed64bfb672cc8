"""A socket in the namespace `/chat`.

    CONNECTING ────► SUBSCRIBED ────► OPEN ────► CLOSED
         │               └───────────────────────► ▲
         └─────────────────────────────────────────┘

CONNECTING: the chats of its user are being read. SUBSCRIBED: it is subscribed to them, and packets wait until the client
knows that it is connected. CLOSED: it is unsubscribed, and nothing more is sent.
"""

import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

import gevent

from chatapp.core.identity import Actor
from chatapp.fanout.rooms import rooms
from chatapp.sockets.packets import DISCONNECT, EncodedPacket
from chatapp.sockets.session import Session

# For a client to receive the DISCONNECT packet before its transport closes.
CLOSE_DELAY = 0.5


class State(Enum):
    """The state of a socket."""

    CONNECTING = auto()
    SUBSCRIBED = auto()
    OPEN = auto()
    CLOSED = auto()


# state → the states that may follow.
TRANSITIONS: Mapping[State, Set[State]] = {
    State.CONNECTING: {State.SUBSCRIBED, State.CLOSED},
    State.SUBSCRIBED: {State.OPEN, State.CLOSED},
    State.OPEN: {State.CLOSED},
    State.CLOSED: set(),
}


@dataclass(eq=False, slots=True)
class SocketConnection:
    """One socket of a user in `/chat`. `id` is the id of its Engine.IO session, `sid` that of Socket.IO.

    `expires_at` is the end of its access token in seconds since the epoch. `ended` is called once, with the reason.
    """

    id: str
    sid: str
    session: Session
    actor: Actor
    expires_at: float
    ended: Callable[["SocketConnection", str], None]
    # `chats`: subscribed chat → first rev to deliver. `left`: chat → rev of leaving. Needed because bus events arrive
    # out of order and reads may be stale.
    chats: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    state: State = State.CONNECTING
    # Sends an encoded packet, keeps it until OPEN, or drops it once CLOSED.
    send: Callable[[EncodedPacket], None] = field(init=False)
    since: float = field(default_factory=time.monotonic)
    _early: list[EncodedPacket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.send = self._early.append

    def _enter(self, state: State) -> bool:
        """Enter a state; False if it can't follow the current one."""
        if state not in TRANSITIONS[self.state]:
            return False
        self.state = state
        return True

    @property
    def filled(self) -> bool:
        """True once the chats from the database were subscribed."""
        return self.state in (State.SUBSCRIBED, State.OPEN)

    def subscribed(self) -> None:
        """The chats from the database were subscribed."""
        self._enter(State.SUBSCRIBED)

    def open(self) -> None:
        """The client knows that it is connected: send the packets that waited."""
        if self._enter(State.OPEN):
            self.send = self.session.transport.send_encoded
            for packet in self._early:
                self.send(packet)
            self._early = []

    def end(self, why: str) -> None:
        """The socket is closed: unsubscribe it, and send nothing more."""
        if self._enter(State.CLOSED):
            self.send = _drop
            self._early = []
            self.ended(self, why)

    def close(self, why: str) -> None:
        """Disconnect the socket and unsubscribe it. The transport closes a moment later: a client that sees both at
        once takes it for a lost connection and reconnects."""
        self.send(DISCONNECT)
        self.end(why)
        gevent.spawn_later(CLOSE_DELAY, self.session.close)

    def abort(self) -> None:
        """Close the transport without Engine.IO's CLOSE, which some clients take as a request not to reconnect."""
        self.session.abort()


def connection_of(session_id: str) -> SocketConnection | None:
    """The connection of an Engine.IO session: this transport is the only one that adds any to the rooms."""
    return cast(SocketConnection | None, rooms().get(session_id))


def _drop(_packet: EncodedPacket) -> None:
    pass
