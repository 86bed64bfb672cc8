"""Limits the sockets that a key opens as users of its choice, over all workers.

Each worker counts its own in memory, and writes all of its counts to its lease. They end with the lease of the worker.
"""

from collections import Counter

import structlog

from chatapp.core.errors import ChatError, RateLimited
from chatapp.core.identity import Actor
from chatapp.features.keys import actions
from chatapp.features.presence.tracker import PresenceTracker

log = structlog.get_logger()

RETRY_SECONDS = 60


class KeySockets:
    """Counts the sockets of keys, and lets `tracker` count those of users."""

    def __init__(self, worker_id: str, limit: int, tracker: PresenceTracker) -> None:
        self._worker_id = worker_id
        self._limit = limit
        self._tracker = tracker
        self._open: Counter[str] = Counter()
        self._is_written = True

    def connected(self, actor: Actor) -> None:
        """Count a new socket; raises RateLimited when the key or the user has too many, Unavailable."""
        if actor.has_presence:
            self._tracker.connected(actor)
            return
        key_id = _key_id(actor)
        self._open[key_id] += 1
        try:
            sockets = actions.count_sockets(self._worker_id, dict(self._open), key_id)
        except ChatError:
            self._close(key_id)
            raise
        if sockets > self._limit:
            self._close(key_id)
            raise RateLimited(RETRY_SECONDS, self._limit)

    def disconnected(self, actor: Actor, socket_id: str) -> None:
        """Count a closed socket."""
        self._tracker.disconnected(actor, socket_id)
        if not actor.has_presence:
            self._close(_key_id(actor))

    def moved(self, before: Actor, actor: Actor) -> None:
        """A socket belongs to another session of its user."""
        self._tracker.moved(before, actor)

    def write(self) -> None:
        """Write the counts if sockets were closed (a background task)."""
        if not self._is_written:
            self._is_written = True
            try:
                actions.write_sockets(self._worker_id, dict(self._open))
            except ChatError:
                self._is_written = False
                raise

    def _close(self, key_id: str) -> None:
        self._open[key_id] -= 1
        if self._open[key_id] <= 0:
            del self._open[key_id]
        self._is_written = False


def _key_id(actor: Actor) -> str:
    assert actor.acting
    return str(actor.acting.id)
