"""A socket in the namespace `/chat`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import gevent

from chatapp.core.identity import Actor
from chatapp.fanout.rooms import rooms
from chatapp.sockets.packets import DISCONNECT, EncodedPacket
from chatapp.sockets.session import Session

# For a client to receive the DISCONNECT packet before its transport closes.
CLOSE_DELAY = 0.5


@dataclass(eq=False, slots=True)
class SocketConnection:
    """One socket of a user in `/chat`. `id` is the id of its Engine.IO session, `sid` that of Socket.IO.

    `expires_at` is the end of its access token in seconds since the epoch; `ended` cleans up. `why` is the reason if
    this server ended it.
    """

    id: str
    sid: str
    session: Session
    actor: Actor
    expires_at: int
    ended: Callable[["SocketConnection"], None]
    # `chats`: subscribed chat → first rev to deliver. `left`: chat → rev of leaving. Needed because bus events arrive
    # out of order and reads may be stale.
    chats: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    # Whether the chats from the database were subscribed.
    filled: bool = False
    # Sends an encoded packet; packets wait until the client knows that it is connected.
    send: Callable[[EncodedPacket], None] = field(init=False)
    early: list[EncodedPacket] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)
    why: str = ""

    def __post_init__(self) -> None:
        self.send = self.early.append

    def open(self) -> None:
        """The client knows that it is connected: send the packets that waited."""
        self.send = self.session.send_encoded
        for packet in self.early:
            self.send(packet)
        self.early = []

    def close(self, why: str) -> None:
        """Disconnect the socket and unsubscribe it. The transport closes a moment later: a client that sees both at
        once takes it for a lost connection and reconnects."""
        self.why = why
        self.send(DISCONNECT)
        self.ended(self)
        gevent.spawn_later(CLOSE_DELAY, self.session.close, wait=False)

    def abort(self) -> None:
        """Close the transport without Engine.IO's CLOSE, which some clients take as a request not to reconnect."""
        self.session.abort()


def connection_of(session_id: str) -> SocketConnection | None:
    """The connection of an Engine.IO session: this transport is the only one that adds any to the rooms."""
    return cast(SocketConnection | None, rooms.get(session_id))
