"""Limits open connections and handshakes of unauthenticated clients per address, counted over all workers of the host.

The counters are in memory that the master allocates and all workers share. Each worker writes to its own part, so that
no lock is needed and the counts of a killed worker are dropped with its part; a sum reads all parts. An address is
hashed to a bucket of a table; two addresses in one bucket share their limits, which is rare and can't be provoked.
"""

import math
import mmap
import time
from typing import Any

from chatapp.core.addresses import canonical_address, client_address
from chatapp.core.settings import Rate

MAX_WORKERS = 64
# Retry-After of an error for which no window determines it.
RETRY_SECONDS = 2
_BUCKETS = 1 << 16
# Per bucket of a part, numbers of 4 bytes: open slots; the window, its handshakes and those of the previous window.
_PART = _BUCKETS * 16


class SharedCounters:
    """Shared memory with the counters of all workers. The master creates it before it starts workers."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE + MAX_WORKERS * _PART)
        view = memoryview(self._memory)
        # One byte per part: whether it belongs to a worker.
        self.used = view[:MAX_WORKERS]
        starts = range(mmap.PAGESIZE, len(view), _PART)
        self.open = [view[start : start + 4 * _BUCKETS].cast("I") for start in starts]
        self.handshakes = [view[start + 4 * _BUCKETS : start + _PART].cast("I") for start in starts]

    def take(self) -> int:
        """Reserve a part for a new worker; called in the master. If none is free, workers share the last one."""
        part = bytes(self.used).find(0)
        self.used[part] = 1
        return part if part >= 0 else MAX_WORKERS - 1

    def release(self, part: int) -> None:
        """Empty the part of a worker that has ended; called in the master."""
        start = mmap.PAGESIZE + part * _PART
        try:
            self._memory.madvise(mmap.MADV_REMOVE, start, _PART)
        except (AttributeError, OSError):
            self._memory[start : start + _PART] = bytes(_PART)
        self.used[part] = 0

    def parts(self) -> list[int]:
        """The numbers of the reserved parts."""
        return [part for part, used in enumerate(bytes(self.used)) if used]


class Admission:
    """The counts of one worker, and the limits over all workers."""

    def __init__(
        self, counters: SharedCounters, part: int, *, max_open: int, handshakes: Rate, trusted_proxies: int
    ) -> None:
        self._counters = counters
        self._open, self._handshakes = counters.open[part], counters.handshakes[part]
        self.max_open = max_open
        self._rate = handshakes
        self.trusted_proxies = trusted_proxies

    def has_room(self, address: str) -> bool:
        """True if one more unauthenticated connection or session is allowed."""
        bucket = _bucket(address)
        return sum(self._counters.open[part][bucket] for part in self._counters.parts()) < self.max_open

    def enter(self, address: str) -> None:
        """Count one more unauthenticated connection or session."""
        self._open[_bucket(address)] += 1

    def leave(self, address: str) -> None:
        """Count one less: it has ended or authenticated."""
        bucket = _bucket(address)
        if self._open[bucket]:
            self._open[bucket] -= 1

    def handshake(self, address: str) -> int:
        """Count a handshake; returns 0, or the seconds until the next one is allowed if it was not counted.

        The window slides: handshakes of the previous window count in proportion to its overlap with the last period.
        """
        seconds = self._rate.seconds
        window, elapsed = divmod(time.monotonic(), seconds)
        present, at = int(window) & 0xFFFFFFFF, 3 * _bucket(address)
        now = before = 0
        for part in self._counters.parts():
            latest, count, previous = self._counters.handshakes[part][at : at + 3]
            if latest == present:
                now, before = now + count, before + previous
            elif latest == present - 1:
                before += count
        if now + before * (1 - elapsed / seconds) >= self._rate.count:
            return math.ceil(seconds - elapsed)
        own = self._handshakes
        if own[at] != present:
            own[at + 2] = own[at + 1] if own[at] == present - 1 else 0
            own[at], own[at + 1] = present, 0
        own[at + 1] += 1
        return 0

    def address(self, environ: dict[str, Any]) -> str:
        """The canonical address of the client that sent a request."""
        return client_address(environ, self.trusted_proxies)


class Held:
    """The slot of an unauthenticated connection or session, which counts for an address until it is released."""

    __slots__ = ("_address", "_admission")

    def __init__(self, admission: Admission, address: str) -> None:
        self._admission: Admission | None = admission
        self._address = address
        admission.enter(address)

    @classmethod
    def if_admitted(cls, admission: Admission, address: str) -> "Held | None":
        """A slot for an address; None if the address has too many."""
        return cls(admission, address) if admission.has_room(address) else None

    def release(self) -> None:
        """Release the slot; a second call does nothing."""
        if self._admission:
            self._admission.leave(self._address)
            self._admission = None


def peer_address(address: Any) -> str:
    """The canonical address of a connection's peer."""
    return canonical_address(address[0]) if isinstance(address, tuple) else canonical_address("")


def _bucket(address: str) -> int:
    # Keyed by a secret that all forks of a process share.
    return hash(address) % _BUCKETS
