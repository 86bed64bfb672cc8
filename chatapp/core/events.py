"""Domain events, dispatched to subscribers on every worker.

An event is a frozen dataclass in the past tense, built before the commit from plain data. `Announced` events are
dispatched only by a unit of work, after its commit. `Ephemeral` events (typing) change nothing and may be published at
once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import orjson
import structlog

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
_subscribers: Mapping[type, Sequence[Subscriber]] = {}
_kinds: Mapping[bytes, type] = {}
_relay: Relay | None = None
_has_subscribers: HasSubscribers | None = None


def subscribe(
    table: Mapping[type, Sequence[Subscriber]],
    relay: Relay | None = None,
    has_subscribers: HasSubscribers | None = None,
) -> None:
    """Set the subscribers of this process (event type → subscribers, in order).

    `relay` sends each event of this process to the other workers, if there are any. `has_subscribers` tells whether a
    chat has subscribers here; events of other chats are not decoded.
    """
    global _subscribers, _kinds, _relay, _has_subscribers
    _subscribers, _kinds, _relay, _has_subscribers = (
        table,
        {kind.__name__.encode(): kind for kind in table},
        relay,
        has_subscribers,
    )


def dispatch_by(table: Mapping[type, Sequence[Subscriber]]) -> None:
    """Dispatch events by another table until the next call; `subscribe` sets the one for normal operation."""
    global _subscribers
    _subscribers = table


def redeliver(event: Announced) -> None:
    """Dispatch an event again, on this worker only: a replay from the database."""
    _dispatch(event)


def deliver(event: Announced) -> None:
    """Dispatch a committed event; only the unit of work calls this."""
    _dispatch(event)
    _share(event)


def publish(event: Ephemeral) -> None:
    """Dispatch an ephemeral event at once."""
    _dispatch(event)
    _share(event)


def encode(event: Event) -> bytes:
    """Encode an event as one line for other workers: its class name, the chat within which it matters, its fields."""
    chat_id: str = event.chat_id if event.within_chat else ""  # type: ignore[union-attr]
    return b"%s %s %s" % (type(event).__name__.encode(), chat_id.encode(), orjson.dumps(event))


def receive(line: bytes) -> None:
    """Dispatch an encoded event of another worker, unless it matters to nothing here."""
    name, chat_id, fields = line.split(b" ", 2)
    if chat_id and _has_subscribers and not _has_subscribers(chat_id.decode()):
        return
    if kind := _kinds.get(name):
        _dispatch(kind(**orjson.loads(fields)))
    else:
        # A worker with another version of this server.
        log.warning("bus_event_unknown", change=name.decode())


def _share(event: Event) -> None:
    if _relay:
        _relay(event)


def _dispatch(event: object) -> None:
    for subscriber in _subscribers.get(type(event), ()):
        try:
            subscriber(event)
        except Exception:
            # The change is committed and acknowledged: a failure to emit it must not undo that.
            log.exception("subscriber_failed", change=type(event).__name__, subscriber=subscriber.__name__)
