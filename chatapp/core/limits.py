"""Limits that are counted for a person or an account rather than for an HTTP request.

The counters are in the same storage (memory, or Redis between workers) as those of the REST door. While Redis is gone
each worker counts for itself.
"""

import time
from collections.abc import Callable

import structlog
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter
from redis.exceptions import RedisError

from chatapp.core.errors import RateLimited
from chatapp.core.settings import Rate

log = structlog.get_logger()

_shared: Callable[[], RateLimiter] | None = None
_own: RateLimiter | None = None


def bind(shared: Callable[[], RateLimiter] | None) -> None:
    """Count with the limiter that `shared()` names at the time, or nothing at all when it is None (turned off)."""
    global _shared, _own
    # Made here rather than on import: its storage starts a thread, which would not survive a fork.
    _shared, _own = shared, MovingWindowRateLimiter(MemoryStorage())


def spend(rate: Rate, action: str, who: str) -> None:
    """Count one `action` of `who`; raises RateLimited when `rate` is used up."""
    _ask(lambda limiter, item: limiter.hit(item, action, who), rate, action, who)


def check(rate: Rate, action: str, who: str, times: int = 1) -> None:
    """Raise RateLimited when `rate` does not allow `action` so many times more, counting nothing."""
    _ask(lambda limiter, item: limiter.test(item, action, who, cost=times), rate, action, who)


def _ask(question: Callable[[RateLimiter, RateLimitItemPerSecond], bool], rate: Rate, action: str, who: str) -> None:
    if not _shared or not _own:
        return
    item = RateLimitItemPerSecond(rate.count, rate.seconds)
    limiter = _shared()
    try:
        allowed = question(limiter, item)
    except RedisError as error:
        log.warning("limits are counted by this worker alone", error=type(error).__name__)
        limiter = _own
        allowed = question(limiter, item)
    if not allowed:
        reset = limiter.get_window_stats(item, action, who).reset_time
        raise RateLimited(seconds_until(reset), rate.count)


def seconds_until(moment: float) -> int:
    """The whole seconds, at least one, after which a moment (in seconds since the epoch) is past."""
    return max(1, round(moment - time.time() + 0.5))
