"""Records delivery of messages to connected users in batches: a message becomes DELIVERED without a row or an event for
each recipient."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import islice

from gevent.event import Event

# How long the first delivery waits for others, and the time between two writes while there are more.
PAUSE_SECONDS = 0.2
PERIOD_SECONDS = 0.25
RETRY_SECONDS = 1.0
# Chats per write; the others follow with the next one, so that messages wait for a part of them only.
MAX_CHATS = 500
# Receipts sent per second. Every member of a group gets every receipt, so in a large group few are recorded at a time.
MAX_RECEIPTS = 10_000

Note = Callable[[Collection[tuple[str, str, int]]], None]


@dataclass(slots=True)
class _Chat:
    """Pending deliveries of one chat: the highest `seq` per user, the longest-waiting user first."""

    due: float
    at_once: int = 1
    newest: dict[str, int] = field(default_factory=dict)


class Deliveries:
    """Deliveries that are not recorded yet; `note` writes a batch of (chat, user, highest `seq`)."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._chats: dict[str, _Chat] = {}
        # When the chats that wait are due, all at the same time: a write costs more than a chat in it.
        self._due = 0.0
        self._added = Event()

    def wait(self) -> None:
        """Return once there are deliveries, due or not."""
        if not self._chats:
            self._added.clear()
            self._added.wait()

    def add(self, chat_id: str, seq: int, user_ids: Collection[str]) -> None:
        """A message was delivered to these users, all other subscribers of the chat."""
        chat = self._chats.get(chat_id)
        if chat is None:
            now = time.monotonic()
            if self._due <= now:
                self._due = now + PAUSE_SECONDS
            chat = self._chats[chat_id] = _Chat(self._due)
            self._added.set()
        chat.at_once = max(1, int(MAX_RECEIPTS * PAUSE_SECONDS / len(user_ids)))
        newest = chat.newest
        for user_id in user_ids:
            # Messages of two workers may arrive out of order.
            if newest.get(user_id, 0) < seq:
                newest[user_id] = seq

    def flush(self) -> None:
        """Write due deliveries; after a failure all are due again a moment later."""
        now = time.monotonic()
        due = dict(islice(((chat_id, chat) for chat_id, chat in self._chats.items() if chat.due <= now), MAX_CHATS))
        if not due:
            return
        self._due = max(self._due, now + PERIOD_SECONDS)
        batch = []
        for chat_id, chat in due.items():
            # Behind the others, whose turn would otherwise never come.
            self._chats[chat_id] = self._chats.pop(chat_id)
            chat.due = self._due
            batch += [(chat_id, user_id, seq) for user_id, seq in islice(chat.newest.items(), chat.at_once)]
        try:
            self._note(batch)
        except Exception:
            for chat in self._chats.values():
                chat.due = now + RETRY_SECONDS
            raise
        for chat_id, user_id, seq in batch:
            newest = due[chat_id].newest
            latest = newest.pop(user_id)
            if latest > seq:
                # More was delivered meanwhile: last in the queue again.
                newest[user_id] = latest
            elif not newest:
                del self._chats[chat_id]
