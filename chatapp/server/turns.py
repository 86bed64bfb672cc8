"""Spreads work over turns of the event loop, so that the events of open sockets do not wait for it.

A request, a handshake or the end of a socket occupies the loop for about as long as several messages. Without this,
thousands that arrive together would all start in one turn, and messages would wait for all of them. Here they start while
the turn is younger than `BUDGET_SECONDS`, those of each kind in order and the kinds alternately; the others wait for the
next turn. Events of open sockets never wait.
"""

import time
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import gevent

# A turn also has the events of sockets and the results of queries; a message takes about five turns.
BUDGET_SECONDS = 0.001


class Work(Enum):
    """The kinds of work."""

    REQUEST = auto()
    HANDSHAKE = auto()
    DEPARTURE = auto()


class Turns:
    """The work that waits for a turn of this process's event loop."""

    def __init__(self) -> None:
        self._waiting: dict[Work, deque[Callable[[], object]]] = {kind: deque() for kind in Work}
        # Active until work may start without waiting.
        self._timer: Any = None

    @property
    def busy(self) -> bool:
        """True while work waits, or has started in this turn."""
        return bool(self._timer and self._timer.active)

    def wait(self, kind: Work) -> None:
        """Wait until this greenlet may start its work; returns at once if no other has started in this turn."""
        if not self._request_turn():
            return
        start, queue = gevent.getcurrent().switch, self._waiting[kind]
        queue.append(start)
        try:
            gevent.get_hub().switch()
        except BaseException:
            # It is killed, or out of time, perhaps after `_start_turn` has resumed it.
            if start in queue:
                queue.remove(start)
            raise

    def start(self, kind: Work, work: Callable[[], None]) -> None:
        """Run `work` in a greenlet once it may start. Never blocks."""
        self._request_turn()
        self._waiting[kind].append(lambda: gevent.Greenlet(work).switch())

    def _request_turn(self) -> bool:
        """Have the next turn start what waits until then; True if other work has requested it already."""
        self._timer = self._timer or gevent.get_hub().loop.timer(0.0)
        active = bool(self._timer.active)
        if not active:
            self._timer.start(self._start_turn)
        return active

    def _start_turn(self) -> None:
        """Called by the event loop once it has looked for new data."""
        began = time.perf_counter()
        while any(self._waiting.values()):
            for queue in self._waiting.values():
                if queue:
                    queue.popleft()()
            if time.perf_counter() - began >= BUDGET_SECONDS:
                self._timer.start(self._start_turn)
                return


turns = Turns()
