"""Processes items in batches, where a batch costs hardly more than a single item."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
from gevent.event import AsyncResult

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Batcher(Generic[T]):
    """Queued items are processed together. While one batch is processed the next one gathers: there is no timer, and an
    item that finds the queue empty is processed at once.

    `do` gets at most `limit` items, in the order of arrival. Calls never overlap, and must not raise.
    """

    def __init__(self, do: Callable[[Sequence[T]], None], limit: int = 256) -> None:
        self._do = do
        self._limit = limit
        self._waiting: list[T] = []
        self._running = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Add an item to the next batch. Never blocks."""
        self._waiting.append(item)
        if not self._running:
            self._running = True
            spawn(self._run)

    def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                self._do(batch)
        finally:
            self._running = False


_greenlets: set[gevent.Greenlet] = set()


def spawn(work: Callable[..., None], *args: object) -> None:
    """Run `work` in a greenlet that `finish()` waits for."""
    greenlet = gevent.spawn(work, *args)
    _greenlets.add(greenlet)
    greenlet.rawlink(_greenlets.discard)


def finish() -> None:
    """Wait for all greenlets of `spawn`, before the process ends."""
    while _greenlets:
        gevent.joinall(list(_greenlets))


class _Call(AsyncResult, Generic[K, V]):  # type: ignore[misc]
    def __init__(self, key: K) -> None:
        super().__init__()
        self.key = key


class Coalescer(Generic[K, V]):
    """Turns a function of many keys into one of a single key: concurrent calls share one query.

    `run_batch` returns a result for each key, in order. An exception among the results is raised to the caller of that
    key, an exception that it raises itself to all callers.
    """

    def __init__(self, run_batch: Callable[[list[K]], Sequence[V | Exception]]) -> None:
        self._run_batch = run_batch
        self._batcher: Batcher[_Call[K, V]] = Batcher(self._do)

    def __call__(self, key: K) -> V:
        """The result for a key, once its batch is processed."""
        return self.put(key).get()  # type: ignore[no-any-return]

    def put(self, key: K) -> AsyncResult:
        """Queue a key without waiting for its result. Never blocks."""
        call: _Call[K, V] = _Call(key)
        self._batcher.put(call)
        return call

    def _do(self, batch: Sequence[_Call[K, V]]) -> None:
        try:
            results = self._run_batch([call.key for call in batch])
        except Exception as error:
            results = [error] * len(batch)
        for call, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                call.set_exception(result)
            else:
                call.set(result)
