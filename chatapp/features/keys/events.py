"""Domain events of API keys."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import RemovesAccess


@dataclass(frozen=True, slots=True)
class KeyChanged(RemovesAccess):
    """A key was changed, rotated or revoked: workers forget what they know of it, and close sockets that it may not
    have any more."""

    awaited = True
    key_id: str

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The key."""
        return self.key_id, None
