"""Rate limits: calls of a user, a client address or a login name in a moving window.

With Redis all workers share the counters. A call waits for Redis at most `REDIS_TIMEOUT`. When Redis fails, each worker
counts by itself, and a background task retries Redis.
"""

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import gevent
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatapp.core.batching import Coalescer
from chatapp.core.errors import RateLimited
from chatapp.core.settings import Rate

log = structlog.get_logger()

# Seconds. A hanging Redis delays a call once by this, and only calls made before the first timeout.
REDIS_TIMEOUT = 0.5
RETRY_DELAY = 0.5
KEY_PREFIX = "chatapp:limits:"
# Windows in memory above which expired ones are removed.
MIN_SWEEP = 1024

# Counts calls, each against one or several limits: against all of them, or against none if one is used up.
# KEYS: the limits of all calls. ARGV, for each: its count, its window in ms, "1" at the last limit of a call.
# Returns for each call the time at which it was counted in ms (0: refused), then for each of its limits how many calls
# are left and in how many ms the next one is free.
_COUNT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply, used, first = {}, {}, 1
for last = 1, #KEYS do
    if ARGV[3 * last] == '1' then
        local at = now
        for i = first, last do
            local oldest = redis.call('LINDEX', KEYS[i], -1)
            while oldest and now - oldest >= tonumber(ARGV[3 * i - 1]) do
                redis.call('RPOP', KEYS[i])
                oldest = redis.call('LINDEX', KEYS[i], -1)
            end
            used[i] = redis.call('LLEN', KEYS[i])
            if used[i] >= tonumber(ARGV[3 * i - 2]) then at = 0 end
        end
        reply[#reply + 1] = at
        for i = first, last do
            local limit, window = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
            if at > 0 then
                redis.call('LPUSH', KEYS[i], string.format('%.0f', now))
                redis.call('PEXPIRE', KEYS[i], window)
                used[i] = used[i] + 1
            end
            local freed = redis.call('LINDEX', KEYS[i], math.min(used[i], limit) - 1)
            reply[#reply + 1] = math.max(0, limit - used[i])
            reply[#reply + 1] = freed and freed + window - now or 0
        end
        first = last + 1
    end
end
return reply
"""


class Limit(NamedTuple):
    """`rate` for one `who` (a user, an address, a name); `action` names what is counted."""

    rate: Rate
    action: str
    who: str

    @property
    def key(self) -> str:
        return f"{KEY_PREFIX}{self.action}:{self.who}"


PROBE = Limit(Rate(1_000_000, 1), "probe", "worker")


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


class _Counted(NamedTuple):
    """When a call was counted (0: refused); for each of its limits the calls left and the ms until the next is free."""

    at: int
    states: Sequence[tuple[int, int]]


class _Counters(Protocol):
    def count(self, limits: Sequence[Limit]) -> _Counted: ...
    def remove(self, limits: Sequence[Limit], at: int) -> None: ...


class LocalCounters:
    """The windows of this process."""

    def __init__(self) -> None:
        # For each key the window in ms and the times of the calls in it, the oldest first.
        self._calls: dict[str, tuple[int, deque[int]]] = {}
        self._sweep_at = MIN_SWEEP

    def count(self, limits: Sequence[Limit]) -> _Counted:
        """Count a call against all `limits`, or against none if one is used up. Never blocks."""
        now = int(time.monotonic() * 1000)
        windows = [self._window(limit, now) for limit in limits]
        free = all(len(calls) < limit.rate.count for limit, calls in zip(limits, windows, strict=True))
        states = []
        for limit, calls in zip(limits, windows, strict=True):
            if free:
                calls.append(now)
            freed = calls[max(0, len(calls) - limit.rate.count)] if calls else now
            states.append((max(0, limit.rate.count - len(calls)), freed + limit.rate.seconds * 1000 - now))
        return _Counted(now if free else 0, states)

    def remove(self, limits: Sequence[Limit], at: int) -> None:
        """Take back the call that was counted at `at`, if it was counted here."""
        for limit in limits:
            _, calls = self._calls.get(limit.key, (0, ()))
            if at in calls:
                calls.remove(at)  # type: ignore[union-attr]

    def _window(self, limit: Limit, now: int) -> deque[int]:
        if len(self._calls) >= self._sweep_at:
            self._calls = {k: (ms, calls) for k, (ms, calls) in self._calls.items() if calls and calls[-1] > now - ms}
            self._sweep_at = max(MIN_SWEEP, 2 * len(self._calls))
        window = limit.rate.seconds * 1000
        _, calls = self._calls.setdefault(limit.key, (window, deque()))
        while calls and calls[0] <= now - window:
            calls.popleft()
        return calls


class SharedCounters:
    """The windows of all workers in Redis; those of this process while Redis fails.

    Concurrent calls share one command.
    """

    def __init__(self, url: str) -> None:
        # A connection that was closed while idle is reopened at once; the timeout bounds both attempts together.
        self._redis = redis.Redis.from_url(url, protocol=2, retry=Retry(NoBackoff(), 1), socket_timeout=REDIS_TIMEOUT)
        self._script = self._redis.register_script(_COUNT)
        self._local = LocalCounters()
        self._coalescer: Coalescer[Sequence[Limit], _Counted] = Coalescer(self._count)
        self._available = True

    def count(self, limits: Sequence[Limit]) -> _Counted:
        """As `LocalCounters.count`, after a wait of at most `REDIS_TIMEOUT`; raises nothing because of Redis."""
        if self._available:
            try:
                return self._coalescer.put(limits).get(timeout=REDIS_TIMEOUT)  # type: ignore[no-any-return]
            except (redis.RedisError, OSError, gevent.Timeout) as error:
                self._fall_back(error)
        return self._local.count(limits)

    def remove(self, limits: Sequence[Limit], at: int) -> None:
        """As `LocalCounters.remove`, wherever the call was counted."""
        self._local.remove(limits, at)
        if self._available:
            try:
                with gevent.Timeout(REDIS_TIMEOUT), self._redis.pipeline(transaction=False) as pipeline:
                    for limit in limits:
                        pipeline.lrem(limit.key, 1, str(at))
                    pipeline.execute()
            except (redis.RedisError, OSError, gevent.Timeout) as error:
                self._fall_back(error)

    def _count(self, calls: Sequence[Sequence[Limit]]) -> list[_Counted]:
        if not self._available:
            raise redis.ConnectionError("Redis failed for the calls before these.")
        return self.run_script(calls)

    def run_script(self, calls: Sequence[Sequence[Limit]]) -> list[_Counted]:
        """Count calls in Redis; raises redis.RedisError or OSError."""
        keys = [limit.key for limits in calls for limit in limits]
        args: list[Any] = []
        for limits in calls:
            for limit in limits:
                args += (limit.rate.count, limit.rate.seconds * 1000, int(limit is limits[-1]))
        try:
            with gevent.Timeout(REDIS_TIMEOUT):
                reply = iter(self._script(keys=keys, args=args))
        except gevent.Timeout:
            raise redis.TimeoutError("Redis does not respond.") from None
        return [_Counted(next(reply), [(next(reply), next(reply)) for _ in limits]) for limits in calls]

    def _fall_back(self, error: BaseException) -> None:
        """Count in this process until Redis works."""
        if self._available:
            self._available = False
            log.warning("rate_limits_local", error=type(error).__name__, detail=str(error))
            gevent.spawn(self._recover)

    def _recover(self) -> None:
        """Return to Redis once it accepts writes."""
        while not self._available:
            gevent.sleep(RETRY_DELAY)
            try:
                self.run_script([[PROBE]])
            except (redis.RedisError, OSError):
                continue
            self._available = True
            log.info("rate_limits_shared")


def probe(url: str) -> None:
    """Count a call in Redis as the server does; raises redis.RedisError or OSError."""
    SharedCounters(url).run_script([[PROBE]])


_counters: _Counters | None = None


def bind(redis_url: str | None, *, enabled: bool) -> None:
    """Count in Redis, or in this process without one; count nothing unless `enabled`. Called by the factory."""
    global _counters
    _counters = (SharedCounters(redis_url) if redis_url else LocalCounters()) if enabled else None


def hit(*limits: Limit) -> Hit | None:
    """Count one call against all `limits`; None while limits are turned off.

    Raises RateLimited, without counting the call, if a limit is exceeded.
    """
    if _counters is None:
        return None
    at, states = _counters.count(limits)
    limit, (remaining, milliseconds) = min(zip(limits, states, strict=True), key=lambda pair: (pair[1][0], -pair[1][1]))
    seconds = max(1, math.ceil(milliseconds / 1000))
    if not at:
        raise RateLimited(seconds, limit.rate.count)
    return Hit(limits, at, limit.rate.count, remaining, seconds)


def undo(hit: Hit | None) -> None:
    """Undo a counted call."""
    if hit and _counters:
        _counters.remove(hit.limits, hit.at)
