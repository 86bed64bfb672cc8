"""Counts calls in moving windows, in the memory of this process.

Calls within a fiftieth of the window (`SLOTS`) share a slot: they are one number, and leave the window together with the
last of them. A key is forgotten once all of its calls have left the window: keys are kept in the order of their last
call, so that nothing is searched for.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from chatapp.core.settings import Rate

SLOTS = 50
# Expired keys that are removed at a time by `forget`, which may not delay the events of clients.
MAX_FORGOTTEN = 1000


class Limit(NamedTuple):
    """`rate` for one `who` (a user, an address, a name); `action` names what is counted.

    The calls of an `exact` limit are counted in one place for all workers, others may exceed it by the calls of a
    second.
    """

    rate: Rate
    action: str
    who: str
    exact: bool = False

    @property
    def key(self) -> str:
        return f"{self.action}:{self.who}"


class Counted(NamedTuple):
    """When a call was counted (0: it was refused); for each of its limits the calls left, and in how many milliseconds
    the next one is free."""

    at: int
    states: Sequence[tuple[int, int]]


class Window:
    """The calls of one key: when each slot leaves the window, in ms, and its number of calls."""

    __slots__ = ("calls", "ends", "expires", "latest", "others", "unshared", "used")

    def __init__(self, expires: int) -> None:
        self.ends: list[int] = []
        self.calls: list[int] = []
        # When the latest slot began, and when all calls have left the window.
        self.latest = 0
        self.expires = expires
        # The slots of the other workers: when each leaves the window, and its number of calls.
        self.others: list[tuple[int, int]] = []
        # All calls; of those of this worker, the calls that the others don't know.
        self.used = 0
        self.unshared = 0

    def advance(self, now: int) -> None:
        """Remove the slots that have left the window."""
        while self.ends and self.ends[0] <= now:
            del self.ends[0]
            self.used -= self.calls.pop(0)
        while self.others and self.others[0][0] <= now:
            self.used -= self.others.pop(0)[1]

    def add(self, now: int, seconds: int) -> None:
        """Count a call; `seconds` is the length of the window."""
        end = self.expires = now + seconds * 1000
        if self.ends and now < self.latest + slot_width(seconds):
            self.ends[-1] = end
            self.calls[-1] += 1
        else:
            self.latest = now
            self.ends.append(end)
            self.calls.append(1)
        self.used += 1
        self.unshared += 1

    def remove(self, end: int) -> None:
        """Take back a call that would leave the window at `end`, unless it is shared."""
        for slot, last in enumerate(self.ends):
            if last >= end and self.unshared and self.calls[slot]:
                self.calls[slot] -= 1
                self.used -= 1
                self.unshared -= 1
                return

    def set_others(self, slots: Sequence[tuple[int, int]], now: int) -> None:
        """Replace the slots of the other workers: in how many ms each leaves the window, and its calls."""
        self.used -= sum(calls for _, calls in self.others)
        self.others = [(now + milliseconds, calls) for milliseconds, calls in slots]
        self.used += sum(calls for _, calls in self.others)
        self.expires = max(self.expires, *(end for end, _ in self.others), 0)

    def free_in(self, count: int, now: int) -> int:
        """In how many ms fewer than `count` calls are in the window."""
        used = self.used
        for end, calls in sorted([*zip(self.ends, self.calls, strict=True), *self.others]):
            used -= calls
            if used < count:
                return end - now
        return 0


class Changed(NamedTuple):
    """A key, the seconds of its window, and its calls that are not shared."""

    key: str
    seconds: int
    unshared: int
    window: Window


class Windows:
    """The windows of all keys of this process. If they are `shared`, `take_changed` returns what to share."""

    def __init__(self, *, shared: bool = False) -> None:
        # By the seconds of the window, the keys in the order of their last call.
        self._windows: dict[int, OrderedDict[str, Window]] = {}
        self._changed: list[tuple[str, int, Window]] = []
        self._shared = shared

    def size(self) -> int:
        """The number of keys in memory."""
        return sum(map(len, self._windows.values()))

    def hit(self, key: str, rate: Rate) -> int:
        """Count a call; returns 0, or in how many ms the next one is free if the limit is exceeded. Never blocks."""
        now = int(time.monotonic() * 1000)
        window = self._window(key, rate.seconds, now)
        if window.used >= rate.count:
            return window.free_in(rate.count, now)
        self._add(window, key, rate.seconds, now, shared=self._shared)
        return 0

    def count(self, limits: Sequence[Limit]) -> Counted:
        """Count a call against all `limits`, or against none if one is exceeded. Never blocks."""
        now = int(time.monotonic() * 1000)
        windows = [self._window(limit.key, limit.rate.seconds, now) for limit in limits]
        is_free = all(window.used < limit.rate.count for limit, window in zip(limits, windows, strict=True))
        states = []
        for limit, window in zip(limits, windows, strict=True):
            if is_free:
                self._add(window, limit.key, limit.rate.seconds, now, shared=self._shared and not limit.exact)
            left = max(0, limit.rate.count - window.used)
            states.append((left, window.free_in(min(limit.rate.count, window.used), now)))
        return Counted(now if is_free else 0, states)

    def remove(self, limits: Sequence[Limit], at: int) -> None:
        """Take back the call that was counted at `at`, if it was counted here."""
        for limit in limits:
            windows = self._windows.get(limit.rate.seconds)
            if windows and (window := windows.get(limit.key)):
                window.remove(at + limit.rate.seconds * 1000)

    def take_changed(self) -> list[Changed]:
        """The keys with calls that are not shared; they count as shared from now on."""
        changed = []
        for key, seconds, window in self._changed:
            changed.append(Changed(key, seconds, window.unshared, window))
            window.unshared = 0
        self._changed = []
        return changed

    def forget(self) -> None:
        """Remove keys whose calls have all left the window (a background task)."""
        now = int(time.monotonic() * 1000)
        for windows in self._windows.values():
            self._forget(windows, now, MAX_FORGOTTEN)

    def _window(self, key: str, seconds: int, now: int) -> Window:
        windows = self._windows.get(seconds)
        if windows is None:
            windows = self._windows[seconds] = OrderedDict()
        window = windows.get(key)
        if window is None:
            self._forget(windows, now, 2)
            window = windows[key] = Window(now + seconds * 1000)
        else:
            windows.move_to_end(key)
            window.advance(now)
        return window

    def _add(self, window: Window, key: str, seconds: int, now: int, *, shared: bool) -> None:
        if shared and not window.unshared:
            self._changed.append((key, seconds, window))
        window.add(now, seconds)

    @staticmethod
    def _forget(windows: OrderedDict[str, Window], now: int, limit: int) -> None:
        for _ in range(limit):
            key, window = next(iter(windows.items()), ("", None))
            if window is None or window.expires > now:
                return
            del windows[key]


def slot_width(seconds: int) -> int:
    """The width in ms of the slots of a window."""
    return max(1, seconds * 1000 // SLOTS)
