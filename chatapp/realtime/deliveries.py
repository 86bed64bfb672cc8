"""Whom live sockets were handed messages of, noted in batches: a message becomes DELIVERED without a row or an event
of its own for each recipient."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import islice

PAUSE_SECONDS = 0.2
RETRY_SECONDS = 1.0
# Everybody hears of everybody's receipt: in a large group a few people's at a time, to stay below this many a second.
MAX_RECEIPTS = 10_000

Note = Callable[[Collection[tuple[str, str, int]]], None]


@dataclass(slots=True)
class _Chat:
    """Who was handed messages of one chat, each with the highest `seq`; those who wait longest come first."""

    due: float
    at_once: int = 1
    newest: dict[str, int] = field(default_factory=dict)


class Deliveries:
    """What was handed over and is not noted yet; `note` writes a batch down: (chat, user, `seq` up to which)."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._chats: dict[str, _Chat] = {}

    def add(self, chat_id: str, seq: int, user_ids: Collection[str]) -> None:
        """These people, all others who hear the chat, were handed a message."""
        chat = self._chats.get(chat_id)
        if chat is None:
            chat = self._chats[chat_id] = _Chat(time.monotonic() + PAUSE_SECONDS)
        chat.at_once = max(1, int(MAX_RECEIPTS * PAUSE_SECONDS / len(user_ids)))
        newest = chat.newest
        for user_id in user_ids:
            # Of what two workers sent, the later may be told first.
            if newest.get(user_id, 0) < seq:
                newest[user_id] = seq

    def flush(self) -> None:
        """Write down what is due; if that fails, all is due again a moment later."""
        now = time.monotonic()
        due = {chat_id: chat for chat_id, chat in self._chats.items() if chat.due <= now}
        if not due:
            return
        batch = []
        for chat_id, chat in due.items():
            chat.due = now + PAUSE_SECONDS
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
                # Handed more meanwhile, and last in the row again.
                newest[user_id] = latest
            elif not newest:
                del self._chats[chat_id]
