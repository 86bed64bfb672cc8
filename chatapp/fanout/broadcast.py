"""Emits events to open sockets. Only subscribers call this, after the commit, on every worker."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from chatapp.core import metrics
from chatapp.core.errors import Json
from chatapp.core.events import Subscriber
from chatapp.fanout.rooms import Connection, rooms
from chatapp.fanout.view import view


class ChatChanged(Protocol):
    """A change of a chat that is emitted to its members."""

    chat_id: str
    rev: int
    payload: Json


Encode = Callable[[str, Json], Any]
_encode: Encode | None = None


def encode_with(encode: Encode) -> None:
    """Set how events are encoded for sockets; the factory gives this the function of the transport."""
    global _encode
    _encode = encode


def to_chat(chat_id: str, event: str, payload: Json, *, exclude: str | None = None) -> None:
    """Emit an event to all sockets of a chat, except those of one user."""
    _send([c for c in rooms.of_chat(chat_id) if c.actor.user_id != exclude], event, payload)


def to_chat_in_order(
    chat_id: str, rev: int, event: str, payload: Json, emitted: Callable[[Sequence[Connection]], None] | None = None
) -> None:
    """Emit an event to the sockets that were subscribed to a chat at its change `rev`, after the events of earlier
    changes; `emitted` is then called with these sockets."""

    def emit() -> None:
        connections = [c for c in rooms.of_chat(chat_id) if c.chats[chat_id] <= rev]
        _send(connections, event, payload)
        if emitted:
            emitted(connections)

    rooms.order.emit(chat_id, rev, emit)


def emit_change(name: str) -> Subscriber:
    """A subscriber that emits an event's payload as `name` to the members of its chat, in the order of `rev`."""

    def subscriber(event: ChatChanged) -> None:
        to_chat_in_order(event.chat_id, event.rev, name, event.payload)

    subscriber.__name__ = f"emit_{name}"
    return subscriber


def to_chats(chat_ids: Iterable[str], event: str, payload: Json, *, exclude: str) -> None:
    """Emit an event once to every socket that is subscribed to one of these chats, except those of one user."""
    connections = {connection for chat_id in chat_ids for connection in rooms.of_chat(chat_id)}
    _send([c for c in connections if c.actor.user_id != exclude], event, payload)


def to_members(chat_id: str, user_ids: Iterable[str], event: str, payload: Json) -> None:
    """Emit an event to the sockets of these users that are subscribed to a chat."""
    _send([c for c in rooms.of_users(user_ids) if chat_id in c.chats], event, payload)


def to_user(user_id: str, event: str, payload: Json) -> None:
    """Emit an event to all sockets of a user."""
    _send(rooms.of_users((user_id,)), event, payload)


def to_connections(connections: Sequence[Connection], event: str, payload: Json) -> None:
    """Emit an event to these sockets."""
    _send(connections, event, payload)


def _send(connections: Sequence[Connection], event: str, payload: Json) -> None:
    """Encode the packet once for all recipients; emit nothing while the bus is disconnected."""
    if not view.connected or _encode is None:
        return
    began = time.perf_counter()
    packet = _encode(event, payload)
    for connection in connections:
        connection.send(packet)
    metrics.fanout_seconds.observe(time.perf_counter() - began)
    metrics.deliveries.inc(by=len(connections))
