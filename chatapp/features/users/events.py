"""Domain events of users."""

from dataclasses import dataclass

from chatapp.core.events import RemovesAccess


@dataclass(frozen=True, slots=True)
class AccountChanged(RemovesAccess):
    """A user's name, avatar or role changed: the actors of their sockets are out of date."""

    awaited = True
    user_id: str
