"""Long work runs beside the event loop: one call of each kind at a time, at low priority, with a bounded queue."""

import os
import threading

import gevent
import pytest

from chatapp.core.errors import Unavailable
from chatapp.core.offload import WAITING, FairThread, LowPriorityThread

SECONDS = 10


def my_thread() -> tuple[int, int]:
    """The thread that runs this, and its nice value."""
    id = threading.get_native_id()
    return id, os.getpriority(os.PRIO_PROCESS, id)


def test_one_thread_per_kind_at_low_priority() -> None:
    thread = LowPriorityThread()
    doing = [gevent.spawn(thread.run, my_thread) for _ in range(5)]
    gevent.joinall(doing, raise_error=True)
    ((id, nice),) = {each.value for each in doing}
    assert nice == 19
    assert (id, nice) != my_thread()


def test_one_kind_does_not_wait_for_another() -> None:
    images, passwords = LowPriorityThread(), LowPriorityThread()
    done = threading.Event()
    image = gevent.spawn(images.run, done.wait, SECONDS)
    gevent.sleep(0)
    passwords.run(done.set)
    assert image.get()


def test_exceptions_are_raised_to_the_caller() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        LowPriorityThread().run(int, "none")


def test_calls_beyond_the_queue_are_refused() -> None:
    thread = LowPriorityThread()
    go = threading.Event()
    waiting = [gevent.spawn(thread.run, go.wait, SECONDS) for _ in range(WAITING)]
    gevent.sleep(0)
    with pytest.raises(Unavailable) as refused:
        thread.run(my_thread)
    assert refused.value.code == "busy"
    go.set()
    gevent.joinall(waiting, raise_error=True)
    assert thread.run(len, "heard again") == 11


def test_users_take_turns() -> None:
    thread = FairThread()
    go, done = threading.Event(), list[str]()

    def work(user: str) -> None:
        go.wait(SECONDS)
        done.append(user)

    pieces = [gevent.spawn(thread.run_for, user, work, user) for user in "aaaabbc"]
    gevent.sleep(0)
    go.set()
    gevent.joinall(pieces, raise_error=True)
    assert done[:3] == ["a", "b", "c"]
    assert sorted(done[3:5]) == ["a", "b"]
    assert done[5:] == ["a", "a"]
    assert not thread._turns
