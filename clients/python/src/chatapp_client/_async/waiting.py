"""What waits: locks, pauses, threads, and the queue of a bot's events."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")

Lock = asyncio.Lock
sleep = asyncio.sleep


async def in_thread(function: Callable[..., Value], *arguments: Any) -> Value:
    """Call a function that blocks."""
    return await asyncio.to_thread(function, *arguments)


class Inbox:
    """Events, put by any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, event: Any) -> None:
        """Add an event."""
        # A closed loop has no reader.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def get(self, timeout: float) -> Any:
        """The next event, or None if there is none in time."""
        try:
            async with asyncio.timeout(timeout):
                return await self._events.get()
        except TimeoutError:
            return None
