"""Caches the actors of sessions for a moment, so that not every request queries the database.

The end of a session or a change of an account is applied on every worker before the action returns, and clears the
cache entry. While the bus is disconnected nothing is cached. Also collects which sessions are used, and records them
together.
"""

import time

from chatapp.core.application import PerApplication
from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError
from chatapp.core.identity import Actor
from chatapp.fanout.view import view
from chatapp.features.sessions import actions, queries

# The bound on how long an entry can be out of date, whatever else fails.
REMEMBERED_SECONDS = 2.0
MAX_CACHED = 20_000
# How often used sessions are recorded.
NOTE_SECONDS = 2.0


class Sessions:
    """Recently read sessions."""

    def __init__(self) -> None:
        self._view = view()
        self._find: Coalescer[str, Actor | None] = Coalescer(queries.find_actors)
        # Session → its actor, until when (time.monotonic()), and the outages of the bus before it was read.
        self._known: dict[str, tuple[Actor, float, int]] = {}
        self._used: set[str] = set()

    def find_actor(self, user_id: str, session_id: str) -> Actor | None:
        """The actor of that session, if it has not ended and the account is active."""
        known = self._known.get(session_id)
        if known and known[1] > time.monotonic() and known[2] == self._view.outages:
            return known[0] if known[0].user_id == user_id else None
        epoch, actor = self._view.epoch, self._find(session_id)
        if actor is None or actor.user_id != user_id:
            return None
        if self._view.connected and epoch == self._view.epoch:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            self._known[session_id] = actor, time.monotonic() + REMEMBERED_SECONDS, self._view.outages
        return actor

    def forget(self, user_id: str) -> None:
        """Clear the entries of a user whose account or session has changed."""
        for session_id in [id for id, (actor, *_) in self._known.items() if actor.user_id == user_id]:
            del self._known[session_id]

    def use(self, session_id: str) -> None:
        """Record soon that a session is used. Never blocks."""
        self._used.add(session_id)

    def note_used(self) -> None:
        """Record the used sessions; raises Unavailable, and tries again with the next call."""
        used, self._used = self._used, set()
        try:
            if used:
                actions.note_used(list(used))
        except ChatError:
            self._used |= used
            raise


sessions = PerApplication(Sessions).get


def note_used() -> None:
    """Record the used sessions (a background task)."""
    sessions().note_used()
