"""Domain events of sessions."""

from dataclasses import dataclass

from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class SessionEnded(Announced):
    """A session ended: its sockets close on all workers."""

    awaited = True
    session_id: str
    user_id: str
