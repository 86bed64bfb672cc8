"""Whom live sockets were handed messages of, noted in batches: a message becomes DELIVERED without a row or an event
of its own for each recipient."""

import time
from collections.abc import Callable, Collection, Iterable

PAUSE_SECONDS = 0.2
# Everybody hears of everybody's receipt: in a large group they are told less often, to stay below this many a second.
MOST_RECEIPTS = 20_000

Note = Callable[[Collection[tuple[str, str, int]]], None]


class Deliveries:
    """What was handed over since the last batch; `note` writes one down: (chat, user, `seq` up to which)."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._newest: dict[str, dict[str, int]] = {}
        self._due: dict[str, float] = {}

    def add(self, chat_id: str, seq: int, user_ids: Iterable[str]) -> None:
        """These people were handed a message."""
        handed = self._newest.setdefault(chat_id, {})
        for user_id in user_ids:
            # Of what two workers sent, the later may be told first.
            if handed.get(user_id, 0) < seq:
                handed[user_id] = seq
        if chat_id not in self._due:
            pause = max(PAUSE_SECONDS, len(handed) ** 2 / MOST_RECEIPTS)
            self._due[chat_id] = time.monotonic() + pause

    def flush(self) -> None:
        """Write down what is due."""
        now = time.monotonic()
        due = [chat_id for chat_id, at in self._due.items() if at <= now]
        batch = []
        for chat_id in due:
            del self._due[chat_id]
            batch += [(chat_id, user_id, seq) for user_id, seq in self._newest.pop(chat_id).items()]
        if batch:
            self._note(batch)
