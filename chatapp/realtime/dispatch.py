"""Has what clients send handled: each client's packets in order, those of different clients side by side.

A greenlet for each packet would cost more than most packets do. Here one greenlet handles all that the event loop took
in during a turn; only when a handler waits (for the database, say) does another go on with the rest.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

Packet = str | bytes


class ClientQueue:
    """What one client sent and is not handled yet.

    `unsettled` counts events whose answer is still to come, though the next may be handled already.
    """

    __slots__ = ("drained", "owner", "running", "unsettled", "waiting")

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.waiting: deque[Packet] = deque()
        self.running = False
        self.unsettled = 0
        self.drained: Event | None = None

    @property
    def idle(self) -> bool:
        """Whether everything was handled and answered."""
        return not (self.running or self.waiting or self.unsettled)

    def drain(self) -> None:
        """Return when everything was handled and answered."""
        if not self.idle:
            self.drained = self.drained or Event()
            self.drained.wait()


class Dispatcher:
    """Handles the packets of all lanes of this worker.

    `handle` gets a lane and its next packet; it returns whether it took it, false when that has to wait until what
    came before is answered (`settle`).
    """

    def __init__(self, handle: Callable[[ClientQueue, Packet], bool]) -> None:
        self._handle = handle
        self._ready: deque[ClientQueue] = deque()
        self._resting: list[Any] = []
        self._called = False

    def put(self, queue: ClientQueue, packet: Packet) -> None:
        """Have a packet handled after those that came before it. Never blocks."""
        queue.waiting.append(packet)
        self._start(queue)

    def settle(self, queue: ClientQueue) -> None:
        """One more event of a lane was answered. Never blocks."""
        queue.unsettled -= 1
        if not queue.unsettled:
            self._start(queue)
            self._signal_drained(queue)

    def _start(self, queue: ClientQueue) -> None:
        if not queue.running and queue.waiting:
            queue.running = True
            self._ready.append(queue)
            self._call()

    def _call(self) -> None:
        """Have somebody handle what is ready, in the event loop's next turn."""
        if not self._called:
            self._called = True
            gevent.get_hub().loop.run_callback(self._resume)

    def _resume(self) -> None:
        self._called = False
        if self._ready:
            if self._resting:
                self._resting.pop().switch()
            else:
                gevent.spawn(self._work)

    def _work(self) -> None:
        hub, me = gevent.get_hub(), gevent.getcurrent()
        while True:
            while self._ready:
                queue = self._ready.popleft()
                if self._ready:
                    # They go on when this one has to wait for something.
                    self._call()
                self._run(queue)
            self._resting.append(me)
            hub.switch()

    def _run(self, queue: ClientQueue) -> None:
        while queue.waiting:
            packet = queue.waiting.popleft()
            if not self._handle(queue, packet):
                queue.waiting.appendleft(packet)
                break
        queue.running = False
        self._signal_drained(queue)

    @staticmethod
    def _signal_drained(queue: ClientQueue) -> None:
        if queue.drained and queue.idle:
            queue.drained.set()
            queue.drained = None
