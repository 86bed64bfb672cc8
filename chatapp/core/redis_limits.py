"""Rate limits of several workers: counts that they exchange over Redis, and exact counts in Redis alone.

A call of an ordinary limit is counted in the memory of its worker, without a wait. `share` adds the calls of all keys
since the last time to a hash in Redis for each key, and takes over the counts of the other workers. An `exact` limit is
counted by a script in Redis. A call waits for it at most `REDIS_TIMEOUT`. When Redis fails, each worker counts by
itself, and a background task retries Redis.
"""

import secrets
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import gevent
import redis
import structlog
from gevent.event import AsyncResult

from chatapp.compat.redis import cluster_errors, make_client, refresh
from chatapp.core.application import spawn
from chatapp.core.batching import Coalescer
from chatapp.core.limit_windows import Changed, Counted, Limit, Window, Windows
from chatapp.core.settings import Rate

log = structlog.get_logger()

# Seconds. A hanging Redis delays a call once by this, and only calls made before the first timeout; a login waits twice.
REDIS_TIMEOUT = 0.45
# The parts of such a wait (see `_wait`), and when a connection without a response is closed.
WAITS = 4
SOCKET_TIMEOUT = 2.0
RETRY_DELAY = 0.5
# The hash tag puts all keys into one slot of a Cluster: the keys of a script must be on one node.
KEY_PREFIX = "chatapp:{limits}:"
# Seconds between two exchanges of counts, and the slots of a window in Redis: calls on other workers leave the window at
# most a tenth of it late.
SHARE_SECONDS = 0.4
SHARED_SLOTS = 10
# Keys of one script call, during which Redis does nothing else: about a millisecond.
MAX_SHARED = 100

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


# Adds a worker's calls to windows that all workers share.
# KEYS: a hash for each window, from a worker's name and the number of a slot to the calls. ARGV: the name, then for each
# window its length and the width of its slots in ms, and the calls to add.
# Returns for each the slots of other workers: the ms until each leaves the window, and its calls, the oldest first.
_SHARE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local name, reply = ARGV[1], {}
for i = 1, #KEYS do
    local window, width = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    local field = name .. string.format('%.0f', math.floor(now / width))
    redis.call('HINCRBY', KEYS[i], field, ARGV[3 * i + 1])
    redis.call('PEXPIRE', KEYS[i], window + width)
    local fields, slots = redis.call('HGETALL', KEYS[i]), {}
    for j = 1, #fields, 2 do
        local left = (tonumber(string.sub(fields[j], #name + 1)) + 1) * width + window - now
        if left <= 0 then
            redis.call('HDEL', KEYS[i], fields[j])
        elseif string.sub(fields[j], 1, #name) ~= name then
            slots[#slots + 1] = {math.min(window, left), tonumber(fields[j + 1])}
        end
    end
    if #slots > 1 then
        table.sort(slots, function(a, b) return a[1] < b[1] end)
    end
    reply[i] = slots
end
return reply
"""

PROBE = Limit(Rate(1_000_000, 1), "probe", "worker", exact=True)


class RedisLimits:
    """The windows of this worker, their exchange with those of other workers, and exact windows in Redis.

    Concurrent calls of exact limits share one command.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._windows = Windows(shared=True)
        # In the fields of shared windows; a worker with a new name counts those of its predecessor as of another one.
        self._name = secrets.token_hex(4)
        self._coalescer: Coalescer[Sequence[Limit], Counted] = Coalescer(self._count_all)
        self._available = True
        self._share_failed = False

    @cached_property
    def _redis(self) -> Any:
        """The client, once Redis has responded; raises redis.RedisError or OSError before."""
        return make_client(self._url, timeout=SOCKET_TIMEOUT)

    @cached_property
    def _count_script(self) -> Any:
        return self._redis.register_script(_COUNT)

    @cached_property
    def _share_script(self) -> Any:
        return self._redis.register_script(_SHARE)

    def hit(self, key: str, rate: Rate) -> int:
        """As `Windows.hit`."""
        return self._windows.hit(key, rate)

    def count(self, limits: Sequence[Limit]) -> Counted:
        """As `Windows.count`; for exact limits after a wait of at most `REDIS_TIMEOUT`. Raises nothing because of
        Redis."""
        if limits[0].exact and self._available:
            try:
                return self._wait(self._coalescer.put(limits))  # type: ignore[no-any-return]
            except (redis.RedisError, OSError) as error:
                self._fall_back(error)
        return self._windows.count(limits)

    @staticmethod
    def _wait(result: AsyncResult) -> Any:
        """The result, after a wait of at most `REDIS_TIMEOUT`; raises redis.RedisError and OSError.

        In parts, since a timer whose time passed while other code ran is due before a response that arrived meanwhile.
        """
        for _ in range(WAITS):
            gevent.wait([result], timeout=REDIS_TIMEOUT / WAITS)
            if result.ready():
                return result.get()
        raise redis.TimeoutError("Redis does not respond.")

    def remove(self, limits: Sequence[Limit], at: int) -> None:
        """As `Windows.remove`, wherever the call was counted; does not wait for Redis."""
        self._windows.remove(limits, at)
        if limits[0].exact and self._available:
            spawn(self._remove, limits, at)

    def _remove(self, limits: Sequence[Limit], at: int) -> None:
        try:
            with cluster_errors(), self._redis.pipeline(transaction=False) as pipeline:
                for limit in limits:
                    pipeline.lrem(KEY_PREFIX + limit.key, 1, str(at))
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            self._fall_back(error)

    def forget(self) -> None:
        """As `Windows.forget`."""
        self._windows.forget()

    def probe(self) -> None:
        """Count and share a call, as the server does; raises redis.RedisError or OSError."""
        self.run_script([[PROBE]])
        self._share([Changed(PROBE.key, PROBE.rate.seconds, 1, Window(0))])

    def share(self) -> None:
        """Exchange counts with the other workers (a background task, every `SHARE_SECONDS`)."""
        changed = self._windows.take_changed()
        if not self._available:
            return
        try:
            for start in range(0, len(changed), MAX_SHARED):
                self._share(changed[start : start + MAX_SHARED])
        except redis.ResponseError as error:
            # A missing permission, which exact limits may not need.
            if not self._share_failed:
                self._share_failed = True
                log.warning("rate_limits_not_shared", error=type(error).__name__, detail=str(error))
        except (redis.RedisError, OSError) as error:
            self._fall_back(error)
        else:
            self._share_failed = False

    def _share(self, changed: Sequence[Changed]) -> None:
        keys = [f"{KEY_PREFIX}shared:{each.key}" for each in changed]
        args: list[Any] = [self._name]
        for each in changed:
            args += (each.seconds * 1000, max(1, each.seconds * 1000 // SHARED_SLOTS), each.unshared)
        with cluster_errors():
            reply = self._share_script(keys=keys, args=args)
        now = int(time.monotonic() * 1000)
        for each, slots in zip(changed, reply, strict=True):
            if slots or each.window.others:
                each.window.set_others(slots, now)

    def _count_all(self, calls: Sequence[Sequence[Limit]]) -> list[Counted]:
        if not self._available:
            raise redis.ConnectionError("Redis failed for the calls before these.")
        return self.run_script(calls)

    def run_script(self, calls: Sequence[Sequence[Limit]]) -> list[Counted]:
        """Count calls in Redis; raises redis.RedisError or OSError."""
        keys = [KEY_PREFIX + limit.key for limits in calls for limit in limits]
        args: list[Any] = []
        for limits in calls:
            for limit in limits:
                args += (limit.rate.count, limit.rate.seconds * 1000, int(limit is limits[-1]))
        with cluster_errors():
            reply = iter(self._count_script(keys=keys, args=args))
        return [Counted(next(reply), [(next(reply), next(reply)) for _ in limits]) for limits in calls]

    def _fall_back(self, error: BaseException) -> None:
        """Count in this process until Redis works."""
        if self._available:
            self._available = False
            log.warning("rate_limits_local", error=type(error).__name__, detail=str(error))
            spawn(self._recover)

    def _recover(self) -> None:
        """Return to Redis once it accepts writes."""
        failed = False
        while not self._available:
            gevent.sleep(RETRY_DELAY)
            try:
                refresh(self._redis, self._url)
                self.run_script([[PROBE]])
            except (redis.RedisError, OSError):
                continue
            except Exception:
                # Without this task the limits would stay local.
                if not failed:
                    failed = True
                    log.exception("rate_limits_recovery_failed")
                continue
            self._available = True
            log.info("rate_limits_shared")


def probe(url: str) -> None:
    """Count and share a call, as the server does; raises redis.RedisError or OSError."""
    RedisLimits(url).probe()
