"""Domain events of users."""

from dataclasses import dataclass

from chatapp.core.events import Announced, RemovesAccess


@dataclass(frozen=True, slots=True)
class AccountChanged(RemovesAccess):
    """A user's name, avatar or role changed: the actors of their sockets are out of date."""

    awaited = True
    user_id: str


@dataclass(frozen=True, slots=True)
class PrivacyChanged(RemovesAccess):
    """Settings of users changed that decide about events, or whom they block."""

    awaited = True
    recordable = False
    user_ids: list[str]


@dataclass(frozen=True, slots=True)
class ProfileChanged(Announced):
    """What other users see of a user changed. `chat_ids` are the chats that the user was in."""

    user_id: str
    chat_ids: list[str]
