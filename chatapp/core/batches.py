"""Has things done together that come one by one, wherever doing many costs hardly more than doing one."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent

T = TypeVar("T")


class Batches(Generic[T]):
    """What is put is done with all else that waits. While one batch is being done the next one gathers: there is no
    timer, and a single thing that comes while nothing is done is done at once.

    `do` gets a batch of at most `most`, in the order of arrival. It is never called twice at a time, and must not raise.
    """

    def __init__(self, do: Callable[[Sequence[T]], None], most: int = 256) -> None:
        self._do = do
        self._most = most
        self._waiting: list[T] = []
        self._running = False

    def put(self, thing: T) -> None:
        """Have a thing done with the next batch. Never blocks."""
        self._waiting.append(thing)
        if not self._running:
            self._running = True
            gevent.spawn(self._run)

    def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                self._do(batch)
        finally:
            self._running = False
