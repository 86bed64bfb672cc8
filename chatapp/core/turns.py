"""Bounds how many connections wait for one lock: further callers wait without a connection, so that a locked chat does
not exhaust the pool."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from gevent.lock import BoundedSemaphore

from chatapp.core.db import Locked
from chatapp.core.identity import Actor

# Concurrent changes of one chat, and how many seconds others wait.
MAX_AT_ONCE = 3
MAX_WAIT = 15.0
Action = TypeVar("Action", bound=Callable[..., Any])


class _Slots(BoundedSemaphore):  # type: ignore[misc]
    """The slots of one chat; `users` is the number of callers that hold one or wait."""

    def __init__(self) -> None:
        super().__init__(MAX_AT_ONCE)
        self.users = 0


_slots: dict[str, _Slots] = {}


@contextmanager
def turn(chat_id: str) -> Iterator[None]:
    """Hold a slot of a chat; raises Locked if none becomes free in time."""
    slots = _slots.get(chat_id) or _slots.setdefault(chat_id, _Slots())
    slots.users += 1
    try:
        if not slots.acquire(timeout=MAX_WAIT):
            raise Locked("This chat is being changed. Try again.")
        try:
            yield
        finally:
            slots.release()
    finally:
        slots.users -= 1
        if not slots.users:
            del _slots[chat_id]


def in_turn(action: Action) -> Action:
    """Decorate an action on a chat (actor and chat are its first arguments) to hold a slot."""

    @functools.wraps(action)
    def in_its_turn(actor: Actor, chat_id: str, *args: Any, **kwargs: Any) -> Any:
        with turn(chat_id):
            return action(actor, chat_id, *args, **kwargs)

    return cast(Action, in_its_turn)
