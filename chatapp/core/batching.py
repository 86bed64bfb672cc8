"""Processes items in batches, where a batch costs hardly more than a single item, and the results of single items."""

import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
import orjson
import structlog
from gevent.event import AsyncResult, Event

from chatapp.core import application

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

log = structlog.get_logger()

# How long a batch of several items counts as load.
LOAD_SECONDS = 0.01


class Result(Generic[V]):
    """A result that is known later: either `then` is called once it is known, or `get` waits for it.

    gevent's AsyncResult calls its listeners in the next turn of the event loop, which costs more than most listeners.
    """

    __slots__ = ("_listener", "error", "known", "value")

    def __init__(self) -> None:
        self.known = False
        self.value: V | None = None
        self.error: BaseException | None = None
        self._listener: Callable[[], None] | None = None

    def set(self, value: V) -> None:
        """Set the result."""
        self.value = value
        self.settle()

    def set_exception(self, error: BaseException) -> None:
        """Set the exception that there is instead of a result."""
        self.error = error
        self.settle()

    def settle(self) -> None:
        """The result is known: call the listener."""
        self.known = True
        if self._listener:
            try:
                self._listener()
            except Exception:
                # Other results of the batch still have to be set.
                log.exception("result_listener_failed")

    def then(self, listener: Callable[[], None]) -> None:
        """Call `listener`, which must not block, once the result is known. There is one listener."""
        self._listener = listener
        if self.known:
            self.settle()

    def get(self, timeout: float | None = None) -> V:
        """Wait for the result; returns or raises it. Raises gevent.Timeout after `timeout` seconds."""
        if not self.known:
            waiter = AsyncResult()
            self.then(waiter.set)
            waiter.get(timeout=timeout)
        if self.error:
            raise self.error
        return self.value  # type: ignore[return-value]

    def json(self) -> bytes:
        """The JSON of the result."""
        return orjson.dumps(self.value)


class Batcher(Generic[T]):
    """Queued items are processed together: while one batch is processed the next one gathers.

    An item that finds no load is processed at once. Right after a batch of several items, the next batch waits for as many
    again, for at most `gather` seconds: those who wait for a result often continue with another item.

    `do` gets at most `limit` items, in the order of arrival. Calls never overlap, and must not raise.
    """

    def __init__(self, do: Callable[[Sequence[T]], None], limit: int = 256, *, gather: float = 0.0) -> None:
        self._do = do
        self._limit = limit
        self._gather = gather
        self._waiting: list[T] = []
        self._running = False
        # The size of the last batch, and when it was done (time.monotonic()).
        self._expected = 1
        self._done_at = 0.0
        self._enough: Event | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Add an item to the next batch. Never blocks."""
        self._waiting.append(item)
        if not self._running:
            self._running = True
            spawn(self._run)
        elif self._enough and len(self._waiting) >= self._expected:
            self._enough.set()

    def _run(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self._expected and time.monotonic() < self._done_at + LOAD_SECONDS:
                    self._wait_for_more()
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                self._do(batch)
                if self._gather:
                    self._expected, self._done_at = len(batch), time.monotonic()
        finally:
            self._running = False

    def _wait_for_more(self) -> None:
        self._enough = Event()
        try:
            self._enough.wait(self._gather)
        finally:
            self._enough = None


_greenlets: set[gevent.Greenlet] = set()


def spawn(work: Callable[..., None], *args: object) -> None:
    """Run `work` in a greenlet that `finish()` waits for."""
    greenlet = application.spawn(work, *args)
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
