"""Bounds how much work of one kind is done at a time, for each chat or user: further callers wait without a connection, so
that they do not exhaust the pool."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar, cast

from gevent.lock import BoundedSemaphore

from chatapp.core.application import PerApplication
from chatapp.core.db import Locked
from chatapp.core.errors import ChatError
from chatapp.core.identity import Actor

# Concurrent changes of one chat, which wait for its lock, and how many seconds others wait.
MAX_AT_ONCE = 3
MAX_WAIT = 15.0
Action = TypeVar("Action", bound=Callable[..., Any])


class _Slots(BoundedSemaphore):  # type: ignore[misc]
    """The slots of one key; `users` is the number of callers that hold one or wait."""

    def __init__(self, at_once: int) -> None:
        super().__init__(at_once)
        self.users = 0


class Turns:
    """At most `at_once` callers at a time for each key; others wait up to `max_wait` seconds, and then get `refusal()`."""

    def __init__(self, at_once: int, max_wait: float, refusal: Callable[[], ChatError]) -> None:
        self._at_once, self._max_wait, self._refusal = at_once, max_wait, refusal
        self._slots: dict[str, _Slots] = {}

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Hold a slot of a key; raises the refusal if none becomes free in time."""
        slots = self._slots.get(key) or self._slots.setdefault(key, _Slots(self._at_once))
        slots.users += 1
        try:
            if not slots.acquire(timeout=self._max_wait):
                raise self._refusal()
            try:
                yield
            finally:
                slots.release()
        finally:
            slots.users -= 1
            if not slots.users:
                del self._slots[key]


_of_chats = PerApplication(
    lambda: Turns(MAX_AT_ONCE, MAX_WAIT, lambda: Locked("This chat is being changed. Try again."))
)


def turn(chat_id: str) -> AbstractContextManager[None]:
    """Hold a slot of a chat; raises Locked if none becomes free in time."""
    return _of_chats.get().turn(chat_id)


def in_turn(action: Action) -> Action:
    """Decorate an action on a chat (actor and chat are its first arguments) to hold a slot."""

    @functools.wraps(action)
    def in_its_turn(actor: Actor, chat_id: str, *args: Any, **kwargs: Any) -> Any:
        with turn(chat_id):
            return action(actor, chat_id, *args, **kwargs)

    return cast(Action, in_its_turn)
