"""Runs work that would block the event loop on threads: hashing and image decoding at low priority, disk access at
normal priority."""

import os
import threading
from collections.abc import Callable
from functools import cache, partial
from typing import Generic, ParamSpec, TypeVar

import gevent
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from chatapp.core.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

WAITING = 200


class LowPriorityThread:
    """Runs one kind of work, one call at a time, on a thread with a lower priority than the event loop.

    Several threads would compete with each other, even while one of them holds the interpreter lock and the event loop
    waits for it.
    """

    def __init__(self) -> None:
        self._pool: ThreadPool | None = None
        self._pid = 0
        self._waiting = 0

    def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` while this greenlet waits; returns or raises its outcome.

        Raises Unavailable (`busy`) when `WAITING` calls wait already.
        """
        if self._waiting >= WAITING:
            raise Unavailable("The server is busy. Try again in a moment.", code="busy")
        self._waiting += 1
        try:
            return _wait(self._thread(), partial(work, *args, **kwargs))
        finally:
            self._waiting -= 1

    def _thread(self) -> ThreadPool:
        """The thread of this process: a forked worker creates its own, since threads do not survive a fork."""
        if self._pool is None or self._pid != os.getpid():
            self._pool, self._pid = ThreadPool(1), os.getpid()
            self._pool.spawn(_lower_priority)
        return self._pool


class FairThread(LowPriorityThread):
    """Runs the work of users in turn, one call each: a user with much work only delays themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: dict[str, _Turn] = {}

    def run_for(self, user_id: str, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Like `run`, after the earlier calls of this user; other users don't wait for them."""
        turn = self._turns.setdefault(user_id, _Turn())
        turn.waiting += 1
        try:
            with turn.lock:
                return self.run(work, *args, **kwargs)
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[user_id]


class MadeLater(Generic[R]):
    """A value that takes long to make, and that most processes don't need: the first call makes it, on a thread."""

    _thread = LowPriorityThread()

    def __init__(self, make: Callable[[], R]) -> None:
        self._make = cache(make)

    def __call__(self) -> R:
        return self._thread.run(self._make)


class _Turn:
    """A user's place in the queue, which contains one of their calls at a time."""

    def __init__(self) -> None:
        self.lock = BoundedSemaphore(1)
        self.waiting = 0


def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a short disk operation on one of gevent's own threads; returns or raises its outcome."""
    return _wait(gevent.get_hub().threadpool, partial(work, *args, **kwargs))


def _wait(pool: ThreadPool, work: Callable[[], R]) -> R:
    """The outcome of `work` on a thread. Exceptions are passed as values: gevent would print them as unhandled."""

    def outcome() -> tuple[R | None, BaseException | None]:
        try:
            return work(), None
        except BaseException as error:
            return None, error

    result, error = pool.apply(outcome)
    if error:
        raise error
    return result  # type: ignore[no-any-return]


def _lower_priority() -> None:
    """Lower the priority of this thread (a nice value is per thread on Linux)."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    except OSError:
        pass
