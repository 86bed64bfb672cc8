"""What happened, told to those who want to know, on every worker.

An event is a frozen dataclass in the past tense, made before the commit from plain data. `Announced` events leave
only through a unit of work, after its commit. `Ephemeral` ones (typing) change nothing and may leave at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import orjson
import structlog

log = structlog.get_logger()


class Announced:
    """An event that tells of a committed change."""

    # Whether every worker has to have heard of it before the action returns.
    awaited: ClassVar[bool] = False
    # Whether it matters only where somebody hears its `chat_id`.
    within_chat: ClassVar[bool] = False


class Ephemeral:
    """An event that tells of something which is never stored."""

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
    """Make `table` (event type → what happens next, in order) the one of this process.

    `relay` hands each event of this process to the other workers; there is none where this is the only one. `has_subscribers`
    tells whether anybody here hears a chat, and so whether what they say of it is read; without it everything is.
    """
    global _subscribers, _kinds, _relay, _has_subscribers
    _subscribers, _kinds, _relay, _has_subscribers = (
        table,
        {kind.__name__.encode(): kind for kind in table},
        relay,
        has_subscribers,
    )


def dispatch_by(table: Mapping[type, Sequence[Subscriber]]) -> None:
    """Dispatch events by another table from now on; `subscribe` sets the one for normal operation."""
    global _subscribers
    _subscribers = table


def redeliver(event: Announced) -> None:
    """Dispatch an event again, on this worker only: a replay from the database."""
    _dispatch(event)


def deliver(event: Announced) -> None:
    """Hand a committed event to its subscribers; only the unit of work calls this."""
    _dispatch(event)
    _share(event)


def publish(event: Ephemeral) -> None:
    """Hand an ephemeral event to its subscribers, now."""
    _dispatch(event)
    _share(event)


def encode(event: Event) -> bytes:
    """An event as one line for another worker: its class's name, the chat within which it matters, its fields."""
    chat_id: str = event.chat_id if event.within_chat else ""  # type: ignore[union-attr]
    return b"%s %s %s" % (type(event).__name__.encode(), chat_id.encode(), orjson.dumps(event))


def receive(line: bytes) -> None:
    """Hand on an event that another worker delivered or published, encoded; nothing more of it is read when it matters
    to nobody here."""
    name, chat_id, fields = line.split(b" ", 2)
    if chat_id and _has_subscribers and not _has_subscribers(chat_id.decode()):
        return
    if kind := _kinds.get(name):
        _dispatch(kind(**orjson.loads(fields)))
    else:
        # Another version of this server runs beside it.
        log.warning("bus_event_unknown", change=name.decode())


def _share(event: Event) -> None:
    if _relay:
        _relay(event)


def _dispatch(event: object) -> None:
    for subscriber in _subscribers.get(type(event), ()):
        try:
            subscriber(event)
        except Exception:
            # The change is committed and acknowledged: telling others about it must not undo that.
            log.exception("subscriber_failed", change=type(event).__name__, subscriber=subscriber.__name__)
