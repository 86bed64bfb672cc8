"""Domain events, dispatched to subscribers on every worker.

An event is a frozen dataclass in the past tense, built before the commit from plain data. `Announced` events are
dispatched only by a unit of work, after its commit. `Ephemeral` events (typing) change nothing and may be published at
once.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import orjson
import structlog

from chatapp.core.application import PerApplication
from chatapp.core.errors import Json

log = structlog.get_logger()


class Announced:
    """An event about a committed change."""

    # Whether every worker must have applied it before the action returns.
    awaited: ClassVar[bool] = False
    # Whether it matters only to workers with subscribers of its `chat_id`.
    within_chat: ClassVar[bool] = False
    # Whether `once` subscribers can receive it: it is announced in a transaction of several statements.
    recordable: ClassVar[bool] = True

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The id of what it is about (a message, user or session), and what can't be read later; never message text."""
        return getattr(self, "user_id", None), None


class RemovesAccess(Announced):
    """An event that only takes access away: it is dispatched even while the other workers can't be reached."""


class Ephemeral:
    """An event about something that is never stored."""

    awaited: ClassVar[bool] = False
    within_chat: ClassVar[bool] = False


Event: TypeAlias = Announced | Ephemeral
Subscriber = Callable[[Any], None]
Relay = Callable[[Event], None]
HasSubscribers = Callable[[str], bool]


class _Routes:
    """Where the events of an application go."""

    def __init__(self) -> None:
        self.subscribers: Mapping[type, Sequence[Subscriber]] = {}
        self.committed: Mapping[type, Sequence[Subscriber]] = {}
        self.kinds: Mapping[bytes, type] = {}
        self.relay: Relay | None = None
        self.has_subscribers: HasSubscribers | None = None


_routes = PerApplication(_Routes)


def subscribe(
    table: Mapping[type, Sequence[Subscriber]],
    relay: Relay | None = None,
    has_subscribers: HasSubscribers | None = None,
    committed: Mapping[type, Sequence[Subscriber]] = MappingProxyType({}),
) -> None:
    """Set the subscribers of this process (event type → subscribers, in order).

    Those in `committed` get only the events that this process itself has committed.

    `relay` sends each event of this process to the other workers, if there are any. `has_subscribers` tells whether a
    chat has subscribers here; events of other chats are not decoded.
    """
    routes = _routes.get()
    routes.subscribers, routes.kinds = table, {kind.__name__.encode(): kind for kind in table}
    routes.committed = committed
    routes.relay, routes.has_subscribers = relay, has_subscribers


def dispatch_by(table: Mapping[type, Sequence[Subscriber]]) -> None:
    """Dispatch events by another table until the next call; `subscribe` sets the one for normal operation."""
    _routes.get().subscribers = table


def redeliver(event: Announced) -> None:
    """Dispatch an event again, on this worker only: a replay from the database."""
    _dispatch(_routes.get().subscribers, event)


def deliver(event: Announced) -> None:
    """Dispatch a committed event; only the unit of work calls this."""
    _dispatch_and_relay(event)
    _dispatch(_routes.get().committed, event)


def publish(event: Ephemeral) -> None:
    """Dispatch an ephemeral event at once."""
    _dispatch_and_relay(event)


def encode(event: Event) -> bytes:
    """Encode an event as one line for other workers: its class name, the chat within which it matters, its fields."""
    chat_id: str = event.chat_id if event.within_chat else ""  # type: ignore[union-attr]
    return b"%s %s %s" % (type(event).__name__.encode(), chat_id.encode(), orjson.dumps(event))


def receive(line: bytes) -> None:
    """Dispatch an encoded event of another worker, unless it matters to nothing here."""
    routes = _routes.get()
    name, chat_id, fields = line.split(b" ", 2)
    if chat_id and routes.has_subscribers and not routes.has_subscribers(chat_id.decode()):
        return
    if kind := routes.kinds.get(name):
        _dispatch(routes.subscribers, kind(**orjson.loads(fields)))
    else:
        # A worker with another version of this server.
        log.warning("bus_event_unknown", change=name.decode())


def _dispatch_and_relay(event: Event) -> None:
    routes = _routes.get()
    _dispatch(routes.subscribers, event)
    if routes.relay:
        routes.relay(event)


def _dispatch(table: Mapping[type, Sequence[Subscriber]], event: object) -> None:
    for subscriber in table.get(type(event), ()):
        try:
            subscriber(event)
        except Exception:
            # The change is committed and acknowledged: a failure to emit it must not undo that.
            log.exception("subscriber_failed", change=type(event).__name__, subscriber=subscriber.__name__)
