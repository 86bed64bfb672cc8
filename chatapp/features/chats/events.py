"""Domain events of chats. `payload` is what clients receive, the same for all; `rev` is the chat's change number."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class ChatCreated(Announced):
    """A chat was created. `online` are those of the members in `payload` that are online."""

    chat_id: str
    rev: int
    member_ids: tuple[str, ...]
    payload: Json
    online: list[str]


@dataclass(frozen=True, slots=True)
class ChatUpdated(Announced):
    """A group's name, description or avatar changed."""

    chat_id: str
    rev: int
    payload: Json


@dataclass(frozen=True, slots=True)
class ChatDeleted(Announced):
    """A group and its messages were deleted."""

    awaited = True
    chat_id: str


@dataclass(frozen=True, slots=True)
class MemberJoined(Announced):
    """A user joined a group. `chat` is the group as they see it, `online` those of its listed members that are online."""

    chat_id: str
    rev: int
    user_id: str
    payload: Json
    is_online: bool
    chat: Json
    online: list[str]


@dataclass(frozen=True, slots=True)
class MemberUpdated(Announced):
    """A member's role changed."""

    chat_id: str
    rev: int
    payload: Json


@dataclass(frozen=True, slots=True)
class MemberLeft(Announced):
    """A user left a group or was removed: once the action returns, no worker emits events of the group to them."""

    awaited = True
    chat_id: str
    rev: int
    user_id: str
