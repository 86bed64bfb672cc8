"""Emits events to open sockets. Only subscribers call this, after the commit, on every worker."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from chatapp.core import metrics
from chatapp.core.events import Subscriber
from chatapp.core.objects import ApiObject
from chatapp.core.user_state import Privacy
from chatapp.fanout.rooms import Connection, rooms
from chatapp.fanout.view import view


class ChatChanged(Protocol):
    """A change of a chat that is emitted to its members."""

    chat_id: str
    rev: int

    @property
    def payload(self) -> ApiObject: ...


Encode = Callable[[str, ApiObject], Any]
# A user, and their privacy: whether their sockets get an event.
Gets = Callable[[str, Privacy], bool]
_encode: Encode | None = None


def encode_with(encode: Encode) -> None:
    """Set how events are encoded for sockets; the factory gives this the function of the transport."""
    global _encode
    _encode = encode


def to_chat(
    chat_id: str, event: str, payload: ApiObject, *, exclude: str | None = None, gets: Gets | None = None
) -> None:
    """Emit an event to all sockets of a chat, except those of one user, and those whose privacy excludes it."""
    _send(_getting([c for c in rooms().of_chat(chat_id) if c.actor.user_id != exclude], gets), event, payload)


def to_chat_in_order(
    chat_id: str,
    rev: int,
    event: str,
    payload: ApiObject,
    emitted: Callable[[Sequence[Connection]], None] | None = None,
) -> None:
    """Emit an event to the sockets that were subscribed to a chat at its change `rev`, after the events of earlier
    changes; `emitted` is then called with these sockets."""
    here = rooms()

    def emit() -> None:
        connections = [c for c in here.of_chat(chat_id) if c.chats[chat_id] <= rev]
        _send(connections, event, payload)
        if emitted:
            emitted(connections)

    here.order.emit(chat_id, rev, emit)


def emit_change(name: str) -> Subscriber:
    """A subscriber that emits an event's payload as `name` to the members of its chat, in the order of `rev`."""

    def subscriber(event: ChatChanged) -> None:
        to_chat_in_order(event.chat_id, event.rev, name, event.payload)

    subscriber.__name__ = f"emit_{name}"
    return subscriber


def to_chats(
    chat_ids: Iterable[str], event: str, payload: ApiObject, *, exclude: str, gets: Gets | None = None
) -> None:
    """Emit an event once to every socket that is subscribed to one of these chats, except those of one user, and those
    whose privacy excludes it."""
    connections = {connection for chat_id in chat_ids for connection in rooms().of_chat(chat_id)}
    _send(_getting([c for c in connections if c.actor.user_id != exclude], gets), event, payload)


def to_user_and_chats(
    user_id: str, chat_ids: Iterable[str], event: str, payload: ApiObject, *, gets: Gets | None = None
) -> None:
    """Emit an event once to every socket of a user, and to every one that is subscribed to one of these chats, except those
    whose privacy excludes it."""
    connections = {connection for chat_id in chat_ids for connection in rooms().of_chat(chat_id)}
    _send(_getting([*connections.union(rooms().of_users((user_id,)))], gets), event, payload)


def to_user_in_order(user_id: str, me_rev: int, event: str | None, payload: ApiObject) -> None:
    """Emit an event of a user's own state to all their sockets, after the events of earlier changes; None for a change
    without an event."""

    def emit() -> None:
        if event:
            _send(rooms().of_users((user_id,)), event, payload)

    rooms().own_order.emit(user_id, me_rev, emit)


def to_members(
    chat_id: str, user_ids: Iterable[str], event: str, payload: ApiObject, *, gets: Gets | None = None
) -> None:
    """Emit an event to the sockets of these users that are subscribed to a chat, except those whose privacy excludes it."""
    _send(_getting([c for c in rooms().of_users(user_ids) if chat_id in c.chats], gets), event, payload)


def to_connections(
    connections: Sequence[Connection], event: str, payload: ApiObject, *, gets: Gets | None = None
) -> None:
    """Emit an event to these sockets, except those whose privacy excludes it."""
    _send(_getting(connections, gets), event, payload)


def presence_of(user_id: str) -> Gets:
    """Who gets events about the presence of a user."""
    return lambda id, privacy: id == user_id or (privacy.exchanges_presence and user_id not in privacy.avoided)


def profile_of(user_id: str) -> Gets:
    """Who gets events about the typing and the profile of a user: neither of the two blocks the other."""
    return lambda _id, privacy: user_id not in privacy.avoided


def receipts_of(user_id: str) -> Gets:
    """Who gets the read receipts of a user who sends some."""
    return lambda id, privacy: id == user_id or privacy.exchanges_receipts


def _getting(connections: Sequence[Connection], gets: Gets | None) -> Sequence[Connection]:
    if gets is None or rooms().are_open:
        return connections
    privacy = rooms().privacy
    return [c for c in connections if gets(c.actor.user_id, privacy(c.actor.user_id))]


def _send(connections: Sequence[Connection], event: str, payload: ApiObject) -> None:
    """Encode the packet once for all recipients; emit nothing while the bus is disconnected."""
    if not view().connected or _encode is None:
        return
    began = time.perf_counter()
    packet = _encode(event, payload)
    for connection in connections:
        connection.send(packet)
    metrics.fanout_seconds.observe(time.perf_counter() - began)
    metrics.deliveries.inc(by=len(connections))
