"""Rate limits: calls of a user, a client address or a login name in a moving window.

Each worker counts in its own memory (`limit_windows.py`). With Redis, workers exchange their counts several times a
second, and `exact` limits are counted in Redis alone (`redis_limits.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chatapp.core.application import PerApplication
from chatapp.core.errors import RateLimited
from chatapp.core.limit_windows import Counted, Limit, Windows
from chatapp.core.redis_limits import RedisLimits
from chatapp.core.settings import Rate

__all__ = ["Hit", "Limit", "Rate"]


@dataclass(frozen=True, slots=True)
class Hit:
    """A counted call, and the state of the limit with the fewest calls left.

    `reset` is in whole seconds from now; `at` identifies the call in the windows of its `limits`.
    """

    limits: tuple[Limit, ...]
    at: int
    count: int
    remaining: int
    reset: int


class Counters(Protocol):
    """What counts calls: `Windows`, or `RedisLimits` with several workers."""

    def hit(self, key: str, rate: Rate) -> int: ...
    def count(self, limits: Sequence[Limit]) -> Counted: ...
    def remove(self, limits: Sequence[Limit], at: int) -> None: ...
    def forget(self) -> None: ...


# Reactions of users, which no other limit counts: over REST (`rest/limits.py`) and over sockets.
REACTIONS = "requests reactions"
_counters = PerApplication[Counters | None](lambda: None)


def bind(redis_url: str | None, *, enabled: bool) -> None:
    """Share counts over Redis, or count in this process without one; count nothing unless `enabled`. Called by the
    factory."""
    _counters.set((RedisLimits(redis_url) if redis_url else Windows()) if enabled else None)


def hit_user(action: str, user_id: str, rate: Rate) -> None:
    """Count one call of a user: `hit` for one limit that is not exact, without its state. Never blocks.

    Raises RateLimited, without counting the call, if the limit is exceeded.
    """
    counters = _counters.get()
    if counters is not None and (milliseconds := counters.hit(f"{action}:{user_id}", rate)):
        raise RateLimited(_seconds(milliseconds), rate.count)


def hit_key(key_id: str, rate: Rate) -> None:
    """Count one socket event of an API key, with its requests (`rest/limits.py`). Raises RateLimited."""
    hit_user("requests key", f"key {key_id}", rate)


def hit(*limits: Limit) -> Hit | None:
    """Count one call against all `limits`; None while limits are turned off.

    Raises RateLimited, without counting the call, if a limit is exceeded.
    """
    counters = _counters.get()
    if counters is None:
        return None
    at, states = counters.count(limits)
    limit, (remaining, milliseconds) = min(zip(limits, states, strict=True), key=lambda pair: (pair[1][0], -pair[1][1]))
    if not at:
        raise RateLimited(_seconds(milliseconds), limit.rate.count)
    return Hit(limits, at, limit.rate.count, remaining, _seconds(milliseconds))


def undo(hit: Hit | None) -> None:
    """Undo a counted call."""
    counters = _counters.get()
    if hit and counters is not None:
        counters.remove(hit.limits, hit.at)


def forget() -> None:
    """Free the memory of users who are gone (a background task)."""
    counters = _counters.get()
    if counters is not None:
        counters.forget()


def share() -> None:
    """Exchange counts with the other workers (a background task)."""
    counters = _counters.get()
    if isinstance(counters, RedisLimits):
        counters.share()


def _seconds(milliseconds: int) -> int:
    return max(1, math.ceil(milliseconds / 1000))
