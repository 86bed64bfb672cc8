"""What happens to chats. `payload` is what goes over the wire, the same for everybody; `rev` the chat's change number."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class ChatCreated(Announced):
    """A chat exists now, with these members. `online` are those that `payload` lists and that are online."""

    chat_id: str
    rev: int
    member_ids: tuple[str, ...]
    payload: Json
    online: list[str]


@dataclass(frozen=True, slots=True)
class ChatUpdated(Announced):
    """A group has another name, description or avatar."""

    chat_id: str
    rev: int
    payload: Json


@dataclass(frozen=True, slots=True)
class ChatDeleted(Announced):
    """A group is gone, with all that was said in it."""

    awaited = True
    chat_id: str


@dataclass(frozen=True, slots=True)
class MemberJoined(Announced):
    """A user joined a group. `chat` is the group for them, `online` those of its listed members that are online."""

    chat_id: str
    rev: int
    user_id: str
    payload: Json
    is_online: bool
    chat: Json
    online: list[str]


@dataclass(frozen=True, slots=True)
class MemberUpdated(Announced):
    """A member of a group has another role."""

    chat_id: str
    rev: int
    payload: Json


@dataclass(frozen=True, slots=True)
class MemberLeft(Announced):
    """Somebody left a group, or was removed from it: no worker tells them anything of it from now on."""

    awaited = True
    chat_id: str
    rev: int
    user_id: str
