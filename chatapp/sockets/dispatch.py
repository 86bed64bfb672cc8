"""Handles the packets of clients: those of one client in order, those of different clients concurrently.

A greenlet per packet would cost more than most packets do. Here one greenlet handles all packets that the event loop
received in a turn; only while a handler waits (for the database, for example) does another greenlet handle the rest.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

from chatapp.core import application

Packet = str | bytes


class ClientQueue:
    """The packets of one client that were received and not handled yet. `owner` is None once the session has ended.

    `unsettled` counts events that wait for their ack while later ones may already be handled.
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
        """True if every packet was handled and acknowledged."""
        return not (self.running or self.waiting or self.unsettled)

    def drain(self) -> None:
        """Wait until every packet was handled and acknowledged."""
        if not self.idle:
            self.drained = self.drained or Event()
            self.drained.wait()


class Dispatcher:
    """Handles the packets of all clients of this worker.

    `handle` gets a client's queue and its next packet. It returns False if the packet has to wait until earlier events
    are acknowledged (`settle`).
    """

    def __init__(self, handle: Callable[[ClientQueue, Packet], bool]) -> None:
        self._handle = handle
        # The event loop calls it outside of any application.
        self._application = application.current()
        self._ready: deque[ClientQueue] = deque()
        self._resting: list[Any] = []
        self._called = False

    def put(self, queue: ClientQueue, packet: Packet) -> None:
        """Queue a packet. Never blocks."""
        queue.waiting.append(packet)
        self._start(queue)

    def settle(self, queue: ClientQueue) -> None:
        """An event of this client was acknowledged. Never blocks."""
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
        """Schedule the handling of ready queues for the event loop's next turn."""
        if not self._called:
            self._called = True
            gevent.get_hub().loop.run_callback(self._resume)

    def _resume(self) -> None:
        self._called = False
        if self._ready:
            if self._resting:
                self._resting.pop().switch()
            else:
                gevent.spawn(self._application.run, self._work)

    def _work(self) -> None:
        hub, me = gevent.get_hub(), gevent.getcurrent()
        while True:
            while self._ready:
                queue = self._ready.popleft()
                if self._ready:
                    # They are handled when this one waits.
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
