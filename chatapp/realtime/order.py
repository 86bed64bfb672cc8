"""The events of each chat in the order of its `rev`, whichever worker they come from.

Two workers may commit into one chat, and what they tell may overtake each other on the way. An event whose
predecessors are missing waits for them briefly; after that the gap shows, and clients repair it by `sync`. What is
missing may be that somebody left, told by nobody since its worker was killed: before a gap is passed over it is asked
who is in the chat (`look_again`), and nobody is told anything while that can't be known.
"""

from collections.abc import Callable

import gevent
import structlog

log = structlog.get_logger()

HOLD_SECONDS = 2.0
Tell = Callable[[], None]


class ChatOrder:
    """What was told last of each chat that somebody here hears, and what waits for its turn."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._held: dict[str, dict[int, list[Tell]]] = {}
        self.look_again: Callable[[str], None] = lambda _chat_id: None

    def track(self, chat_id: str, rev: int) -> None:
        """Somebody hears a chat from now on, which was at `rev`."""
        self._told.setdefault(chat_id, rev)

    def forget(self, chat_id: str) -> None:
        """Nobody hears a chat any more."""
        self._told.pop(chat_id, None)
        self._held.pop(chat_id, None)

    def forget_all(self) -> None:
        """What was told so far says nothing any more."""
        self._told.clear()
        self._held.clear()

    def tell(self, chat_id: str, rev: int, tell: Tell) -> None:
        """Call `tell` when all before `rev` was told; never, when a later one was told already or nobody hears."""
        told = self._told.get(chat_id)
        if told is None or rev < told:
            return
        if rev > told + 1:
            waits = chat_id in self._held
            self._held.setdefault(chat_id, {}).setdefault(rev, []).append(tell)
            if not waits:
                self._wait_anew(chat_id)
            return
        self._told[chat_id] = rev
        tell()
        if chat_id in self._held:
            self._release(chat_id)

    def _release(self, chat_id: str) -> None:
        """Tell what follows without a gap."""
        held = self._held[chat_id]
        while (next_rev := self._told.get(chat_id, 0) + 1) in held:
            self._told[chat_id] = next_rev
            for tell in held.pop(next_rev):
                tell()
        if not held:
            self._held.pop(chat_id, None)
        elif chat_id in self._held:
            # A gap was filled: the next one has as long as that had.
            self._wait_anew(chat_id)

    def _wait_anew(self, chat_id: str) -> None:
        """Begin to wait for what is missing before what is held."""
        gevent.spawn_later(HOLD_SECONDS, self._let_the_gap_show, chat_id, self._held[chat_id], self._told[chat_id])

    def _let_the_gap_show(self, chat_id: str, held: dict[int, list[Tell]], told: int) -> None:
        """Go on behind a gap, if it is there still; what is held behind a later one waits for its own."""

        def is_there() -> bool:
            return self._held.get(chat_id) is held and self._told[chat_id] == told

        if not is_there():
            return
        try:
            self.look_again(chat_id)
        except Exception as error:
            if is_there():
                log.warning("events of a chat are left out", chat_id=chat_id, error=type(error).__name__)
                del self._held[chat_id]
        if is_there():
            self._told[chat_id] = min(held) - 1
            self._release(chat_id)
