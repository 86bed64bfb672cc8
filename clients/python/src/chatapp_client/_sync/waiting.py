"""What waits: locks, pauses, threads, and the queue of a bot's events."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")

Lock = threading.Lock
sleep = time.sleep


def in_thread(function: Callable[..., Value], *arguments: Any) -> Value:
    """Call a function that blocks."""
    return function(*arguments)


class Inbox:
    """Events, put by any thread."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, event: Any) -> None:
        """Add an event."""
        self._events.put(event)

    def get(self, timeout: float) -> Any:
        """The next event, or None if there is none in time."""
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None
