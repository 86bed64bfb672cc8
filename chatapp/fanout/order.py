"""Emits each chat's events in the order of `rev`, whichever worker they come from.

Two workers may commit into one chat, and their events may overtake each other on the bus. An event whose predecessors
are missing waits for them for `HOLD_SECONDS`; after that `fill_gap` replays from the database what is missing.
A missing event may be a removal, so nothing behind a gap is emitted before that.
"""

from collections.abc import Callable, Iterator

import structlog

from chatapp.core.application import spawn_later

log = structlog.get_logger()

HOLD_SECONDS = 2.0
# Events that wait behind gaps, of all chats and of one. Others are dropped and read from the database (`on_overflow`).
MAX_HELD = 10_000
MAX_HELD_OF_CHAT = 1000
Emit = Callable[[], None]


class ChatOrder:
    """How far each subscribed chat's events were emitted, and the events that wait for earlier ones.

    A position outlives an outage of the bus: the replay starts from it.
    """

    def __init__(self) -> None:
        self._emitted: dict[str, int] = {}
        self._held: dict[str, dict[int, Emit]] = {}
        # The highest message `seq` at that position: tells new messages from changed ones in a replay.
        self.seqs: dict[str, int] = {}
        # Fills a gap; false while the bus is disconnected, after which the replay does it.
        self.fill_gap: Callable[[str], bool] = lambda _chat_id: True
        self._held_count = 0
        self.on_overflow: Callable[[], None] = lambda: None
        # Called when a chat gets its first subscriber, and when it loses its last one.
        self.on_track: Callable[[str], None] = lambda _chat_id: None
        self.on_forget: Callable[[str], None] = lambda _chat_id: None

    def track(self, chat_id: str, rev: int, seq: int) -> None:
        """Start at this position, unless the chat has one."""
        if chat_id not in self._emitted:
            self._emitted[chat_id] = rev
            self.seqs[chat_id] = seq
            self.on_track(chat_id)

    def restart(self, chat_id: str, rev: int, seq: int) -> None:
        """Move a chat's position back, for a replay from there."""
        self._emitted[chat_id] = rev
        self.seqs[chat_id] = seq

    def forget(self, chat_id: str) -> None:
        """Forget a chat without subscribers."""
        if self._emitted.pop(chat_id, None) is not None:
            self.on_forget(chat_id)
        self.seqs.pop(chat_id, None)
        self._held_count -= len(self._held.pop(chat_id, ()))

    def __contains__(self, chat_id: str) -> bool:
        return chat_id in self._emitted

    def __iter__(self) -> Iterator[str]:
        return iter(self._emitted)

    def position(self, chat_id: str) -> int | None:
        """The `rev` up to which a chat's events were emitted; None for a chat without subscribers."""
        return self._emitted.get(chat_id)

    def first_held(self, chat_id: str) -> int | None:
        """The `rev` of the earliest event that waits behind a gap."""
        return min(self._held[chat_id]) if chat_id in self._held else None

    def missing(self, chat_id: str, last_rev: int) -> int:
        """The number of changes that were not emitted: up to the first held event, else up to `last_rev`; 0 for a chat
        without subscribers."""
        position, first_held = self.position(chat_id), self.first_held(chat_id)
        if position is None:
            return 0
        return (last_rev if first_held is None else min(last_rev, first_held - 1)) - position

    def emit(self, chat_id: str, rev: int, emit: Emit) -> None:
        """Call `emit` once everything before `rev` was emitted; never, if `rev` was, or if the chat has no subscriber."""
        emitted = self._emitted.get(chat_id)
        if emitted is None or rev <= emitted:
            return
        if rev > emitted + 1:
            self._hold(chat_id, rev, emit)
            return
        self._emitted[chat_id] = rev
        emit()
        if chat_id in self._held:
            self._release(chat_id)

    def _hold(self, chat_id: str, rev: int, emit: Emit) -> None:
        held = self._held.setdefault(chat_id, {})
        if held and (self._held_count >= MAX_HELD or len(held) >= MAX_HELD_OF_CHAT):
            self.on_overflow()
        elif rev not in held:
            held[rev] = emit
            self._held_count += 1
            if len(held) == 1:
                self._start_timer(chat_id)

    def advance(self, chat_id: str, rev: int, seq: int | None = None) -> None:
        """Move a chat's position forward without emitting; what is held up to there is dropped."""
        if rev <= self._emitted.get(chat_id, rev):
            return
        self._emitted[chat_id] = rev
        if seq is not None:
            self.seqs[chat_id] = seq
        self.drop_held(chat_id, rev)

    def drop_held(self, chat_id: str, rev: int) -> None:
        """Drop held events up to `rev`, which a replay emits instead."""
        if held := self._held.get(chat_id):
            for each in [each for each in held if each <= rev]:
                del held[each]
                self._held_count -= 1
            if not held:
                del self._held[chat_id]

    def resume(self, chat_id: str) -> None:
        """Emit held events that follow the position without a gap (after `advance`)."""
        if chat_id in self._held:
            self._release(chat_id)

    def _release(self, chat_id: str) -> None:
        held = self._held[chat_id]
        while (next_rev := self._emitted.get(chat_id, 0) + 1) in held:
            self._emitted[chat_id] = next_rev
            self._held_count -= 1
            held.pop(next_rev)()
        if self._held.get(chat_id) is not held:
            return  # An event ended the last subscription.
        if held:
            # A gap was filled: wait for the next one as long.
            self._start_timer(chat_id)
        else:
            del self._held[chat_id]

    def _start_timer(self, chat_id: str) -> None:
        spawn_later(HOLD_SECONDS, self._end_hold, chat_id, self._held[chat_id], self._emitted[chat_id])

    def _end_hold(self, chat_id: str, held: dict[int, Emit], emitted: int) -> None:
        """Fill a gap, if it is still there."""

        def is_there() -> bool:
            return self._held.get(chat_id) is held and self._emitted[chat_id] == emitted

        if not is_there():
            return
        try:
            filled = self.fill_gap(chat_id)
        except Exception as error:
            log.warning("gap_not_filled", chat_id=chat_id, error=type(error).__name__)
            filled = False
        if not is_there():
            return
        if not filled:
            # Nothing behind the gap is emitted while the bus is disconnected: the replay starts from the position.
            self._start_timer(chat_id)
        else:
            # The database does not have it either (a restored backup).
            self.advance(chat_id, min(held) - 1)
            self.resume(chat_id)
