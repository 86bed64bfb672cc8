"""Who comes and goes, and who types."""

from dataclasses import dataclass

from chatapp.core.events import Announced, Ephemeral


@dataclass(frozen=True, slots=True)
class UserOnline(Announced):
    """Somebody has a live socket now; who shares one of these chats with them hears of it."""

    user_id: str
    chat_ids: list[str]


@dataclass(frozen=True, slots=True)
class UserOffline(Announced):
    """Somebody's last socket is closed."""

    user_id: str
    last_seen: str
    chat_ids: list[str]


@dataclass(frozen=True, slots=True)
class TypingStarted(Ephemeral):
    """Somebody is typing."""

    within_chat = True
    chat_id: str
    user_id: str
    username: str


@dataclass(frozen=True, slots=True)
class TypingStopped(Ephemeral):
    """Somebody is no longer typing."""

    within_chat = True
    chat_id: str
    user_id: str
