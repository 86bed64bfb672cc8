"""Detects a split brain: servers that share a database but do not receive each other's events.

The cause is a server without Redis, or with another one. No data is lost; the only symptom is that users get messages
late, when their clients read the chats again.
"""

from collections.abc import Callable, Collection

import structlog

from chatapp.features.presence import actions, queries

log = structlog.get_logger()

CHECK_SECONDS = 5.0


class SplitDetector:
    """Compares the workers in the database with those whose events this worker receives.

    `reachable` returns the ids of the latter, None while Redis is disconnected.
    """

    def __init__(self, worker_id: str, reachable: Callable[[], Collection[str] | None]) -> None:
        self._worker_id = worker_id
        self._reachable = reachable
        self._found: set[str] = set()
        self._before: set[str] = set()

    @property
    def is_split(self) -> bool:
        """True if live workers use this database whose events don't arrive here."""
        return bool(self._found)

    def check(self) -> None:
        """Look for such workers (a background task, every `CHECK_SECONDS`); a worker counts once it is found twice."""
        reachable = self._reachable()
        if reachable is None:
            return
        others = queries.overlapping_workers(self._worker_id)
        # A worker that lost Redis is disconnected, and knows it.
        unreachable = {w.id: w for w in others if w.id not in reachable and w.redis is not False}
        found, self._before = unreachable.keys() & self._before, set(unreachable)
        if found and not self._found:
            workers = [f"{unreachable[id].host}:{unreachable[id].pid}" for id in sorted(found)]
            log.warning("split_brain", workers=workers)
        elif self._found and not found:
            log.info("split_brain_ended")
        self._found = found
        actions.note_split(self._worker_id, self.is_split)
