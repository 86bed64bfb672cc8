"""Has things done together that come one by one, wherever doing many costs hardly more than doing one."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
from gevent.event import AsyncResult

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Batches(Generic[T]):
    """What is put is done with all else that waits. While one batch is being done the next one gathers: there is no
    timer, and a single thing that comes while nothing is done is done at once.

    `do` gets a batch of at most `limit`, in the order of arrival. It is never called twice at a time, and must not raise.
    """

    def __init__(self, do: Callable[[Sequence[T]], None], limit: int = 256) -> None:
        self._do = do
        self._limit = limit
        self._waiting: list[T] = []
        self._running = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, thing: T) -> None:
        """Have a thing done with the next batch. Never blocks."""
        self._waiting.append(thing)
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


_busy: set[gevent.Greenlet] = set()


def spawn(work: Callable[..., None], *args: object) -> None:
    """Run `work` in a greenlet that `finish()` waits for."""
    greenlet = gevent.spawn(work, *args)
    _busy.add(greenlet)
    greenlet.rawlink(_busy.discard)


def finish() -> None:
    """Return when nothing waits any more: for a process that is about to end."""
    while _busy:
        gevent.joinall(list(_busy))


class _Asked(AsyncResult, Generic[K, V]):  # type: ignore[misc]
    def __init__(self, key: K) -> None:
        super().__init__()
        self.key = key


class Together(Generic[K, V]):
    """A function of one thing, made of one of many: what is asked at the same time travels in one query.

    `answer` gets the things and gives what each is answered with, in their order; an exception among the answers is
    raised where its thing was asked, one that it raises is raised everywhere.
    """

    def __init__(self, answer: Callable[[list[K]], Sequence[V | Exception]]) -> None:
        self._answer = answer
        self._batches: Batches[_Asked[K, V]] = Batches(self._do)

    def __call__(self, key: K) -> V:
        """The answer to one thing, once the batch that it travels in is done."""
        return self.put(key).get()  # type: ignore[no-any-return]

    def put(self, key: K) -> AsyncResult:
        """Ask without waiting for the answer. Never blocks."""
        asked: _Asked[K, V] = _Asked(key)
        self._batches.put(asked)
        return asked

    def _do(self, batch: Sequence[_Asked[K, V]]) -> None:
        try:
            answers = self._answer([asked.key for asked in batch])
        except Exception as error:
            answers = [error] * len(batch)
        for asked, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                asked.set_exception(answer)
            else:
                asked.set(answer)
