"""What happens to sessions."""

from dataclasses import dataclass

from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class SessionEnded(Announced):
    """A login is over: its sockets close, on whatever worker they are."""

    awaited = True
    session_id: str
    user_id: str
