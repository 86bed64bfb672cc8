"""Domain events of sessions."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import RemovesAccess


@dataclass(frozen=True, slots=True)
class SessionEnded(RemovesAccess):
    """A session ended: its sockets close on all workers."""

    awaited = True
    session_id: str
    user_id: str

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The session, and its user."""
        return self.session_id, {"userId": self.user_id}
