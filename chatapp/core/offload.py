"""Work that would stop the event loop: hashing and decoding images at low priority, waits for a disk at the usual one."""

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import gevent
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from chatapp.core.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

WAITING = 200


class LowPriorityThread:
    """Has work of one kind done, a piece at a time, on a thread that yields the processor to the event loop.

    More threads for it would compete with each other: also while one of them holds the interpreter, and the event loop
    waits for that.
    """

    def __init__(self) -> None:
        self._pool: ThreadPool | None = None
        self._pid = 0
        self._waiting = 0

    def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work(*args, **kwargs)` returns or raises, while this greenlet waits.

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
        """That of this process: a forked worker makes its own, since threads do not survive a fork."""
        if self._pool is None or self._pid != os.getpid():
            self._pool, self._pid = ThreadPool(1), os.getpid()
            self._pool.spawn(_lower_priority)
        return self._pool


class FairThread(LowPriorityThread):
    """Does the work of all users in turn, one piece of each: who has more to do waits for it alone."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: dict[str, _Turn] = {}

    def run_for(self, user_id: str, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `run`, after everything that this user asked for before; other users don't wait for that."""
        turn = self._turns.setdefault(user_id, _Turn())
        turn.waiting += 1
        try:
            with turn.lock:
                return self.run(work, *args, **kwargs)
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[user_id]


class _Turn:
    """The place of one user in the queue: one piece of their work is in it at a time."""

    def __init__(self) -> None:
        self.lock = BoundedSemaphore(1)
        self.waiting = 0


def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `work(*args, **kwargs)` returns or raises: a short wait for a disk, on one of gevent's own threads."""
    return _wait(gevent.get_hub().threadpool, partial(work, *args, **kwargs))


def _wait(pool: ThreadPool, work: Callable[[], R]) -> R:
    """What comes of `work` on a thread. What it raises is carried over too: gevent would print that as if it were lost."""

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
    """Have this thread yield to all others (a nice value is per thread on Linux)."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    except OSError:
        pass
