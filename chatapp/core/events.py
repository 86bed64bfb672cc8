"""What happened, told to those who want to know, on every worker.

An event is a frozen dataclass in the past tense, made before the commit from plain data. `Announced` events leave
only through a unit of work, after its commit. `Ephemeral` ones (typing) change nothing and may leave at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import structlog

from chatapp.core.errors import Json

log = structlog.get_logger()


class Announced:
    """An event that tells of a committed change."""

    # Whether every worker has to have heard of it before the action returns.
    awaited: ClassVar[bool] = False


class Ephemeral:
    """An event that tells of something which is never stored."""

    awaited: ClassVar[bool] = False


Event: TypeAlias = Announced | Ephemeral
Subscriber = Callable[[Any], None]
Relay = Callable[[Event], None]
_subscribers: Mapping[type, Sequence[Subscriber]] = {}
_kinds: Mapping[str, type] = {}
_relay: Relay | None = None


def subscribe(table: Mapping[type, Sequence[Subscriber]], relay: Relay | None = None) -> None:
    """Make `table` (event type → what happens next, in order) the one of this process.

    `relay` hands each event of this process to the other workers; there is none where this is the only one.
    """
    global _subscribers, _kinds, _relay
    _subscribers, _kinds, _relay = table, {kind.__name__: kind for kind in table}, relay


def deliver(event: Announced) -> None:
    """Hand a committed event to its subscribers; only the unit of work calls this."""
    _dispatch(event)
    _share(event)


def publish(event: Ephemeral) -> None:
    """Hand an ephemeral event to its subscribers, now."""
    _dispatch(event)
    _share(event)


def receive(name: str, fields: Json) -> None:
    """Hand on an event that another worker delivered or published: its class's name, and its fields."""
    if name in _kinds:
        _dispatch(_kinds[name](**fields))
    else:
        # Another version of this server runs beside it.
        log.warning("unknown event of another worker", change=name)


def _share(event: Event) -> None:
    if _relay:
        _relay(event)


def _dispatch(event: object) -> None:
    for subscriber in _subscribers.get(type(event), ()):
        try:
            subscriber(event)
        except Exception:
            # The change is committed and acknowledged: telling others about it must not undo that.
            log.exception("subscriber failed", change=type(event).__name__, subscriber=subscriber.__name__)
