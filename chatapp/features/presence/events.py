"""Domain events of presence and typing."""

from dataclasses import dataclass

from chatapp.core.events import Announced, Ephemeral


@dataclass(frozen=True, slots=True)
class UserOnline(Announced):
    """A user's first socket opened; emitted to users who share one of these chats."""

    user_id: str
    chat_ids: list[str]


@dataclass(frozen=True, slots=True)
class UserOffline(Announced):
    """A user's last socket closed, or they hide their presence from now on: then `last_seen` is None."""

    user_id: str
    last_seen: str | None
    chat_ids: list[str]


@dataclass(frozen=True, slots=True)
class TypingStarted(Ephemeral):
    """A user is typing."""

    within_chat = True
    chat_id: str
    user_id: str
    username: str


@dataclass(frozen=True, slots=True)
class TypingStopped(Ephemeral):
    """A user stopped typing."""

    within_chat = True
    chat_id: str
    user_id: str
