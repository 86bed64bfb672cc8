"""Coalesces the delivery receipts of groups: at most one event per chat and second, whichever workers they come from."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from chatapp.core.application import spawn_later

PERIOD = 1.0
# Emits: the chat, how far each user got, and which members get the event (None: all of them).
Emit = Callable[[str, Mapping[str, int], Collection[str] | None], None]


@dataclass(slots=True)
class _Pending:
    """Receipts of a chat that wait for the next event."""

    delivered: dict[str, int] = field(default_factory=dict)
    audience: set[str] | None = field(default_factory=set)

    def add(self, delivered: Mapping[str, int], audience: Collection[str] | None) -> None:
        for user_id, seq in delivered.items():
            self.delivered[user_id] = max(seq, self.delivered.get(user_id, 0))
        self.audience = None if self.audience is None or audience is None else self.audience | set(audience)


class GroupReceipts:
    """The receipts of chats for which an event was emitted within the last second."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._pending: dict[str, _Pending] = {}

    def add(self, chat_id: str, delivered: Mapping[str, int], audience: Collection[str] | None) -> None:
        """Emit receipts at once, or with the chat's next event. Never blocks."""
        if pending := self._pending.get(chat_id):
            pending.add(delivered, audience)
        else:
            self._start_period(chat_id)
            self._emit(chat_id, delivered, audience)

    def _start_period(self, chat_id: str) -> None:
        self._pending[chat_id] = _Pending()
        spawn_later(PERIOD, self._end_period, chat_id)

    def _end_period(self, chat_id: str) -> None:
        pending = self._pending.pop(chat_id)
        if pending.delivered:
            self._start_period(chat_id)
            self._emit(chat_id, pending.delivered, pending.audience)
