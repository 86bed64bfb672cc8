"""Work that would stop the event loop: hashing and decoding images at low priority, waits for a disk at the usual one."""

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import gevent
from gevent.threadpool import ThreadPool

from chatapp.core.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 2
WAITING = 200

_pool: ThreadPool | None = None
_pool_pid = 0
_waiting = 0
_lowered = threading.local()


def offload(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `work(*args, **kwargs)` returns or raises, computed off the loop while this greenlet waits.

    Raises Unavailable (`busy`) when more than `WAITING` calls wait already.
    """
    global _waiting
    if _waiting >= WAITING:
        raise Unavailable("The server is busy. Try again in a moment.", code="busy")
    _waiting += 1
    try:
        return _wait(_threads(), partial(_at_low_priority, partial(work, *args, **kwargs)))
    finally:
        _waiting -= 1


def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `work(*args, **kwargs)` returns or raises: a short wait for a disk, on one of gevent's own threads."""
    return _wait(gevent.get_hub().threadpool, partial(work, *args, **kwargs))


def _threads() -> ThreadPool:
    """The pool of this process: a forked worker makes its own, since threads do not survive a fork."""
    global _pool, _pool_pid
    if _pool is None or _pool_pid != os.getpid():
        _pool, _pool_pid = gevent.get_hub().threadpool.__class__(THREADS), os.getpid()
    return _pool


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


def _at_low_priority(work: Callable[[], R]) -> R:
    """Run `work` on a thread that yields the processor to the event loop (a nice value is per thread on Linux)."""
    if not getattr(_lowered, "done", False):
        _lowered.done = True
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        except OSError:
            pass
    return work()
