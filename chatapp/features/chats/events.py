"""Domain events of chats. `payload` is what clients receive, the same for all; `rev` is the chat's change number."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import Announced
from chatapp.features.chats.schemas import ChatMember
from chatapp.representations.chat import ChatEvent, NewChatEvent
from chatapp.representations.message import MessageEvent


@dataclass(frozen=True, slots=True)
class ChatCreated(Announced):
    """A chat was created. `online` are those of the members in `payload` that are online."""

    chat_id: str
    rev: int
    member_ids: tuple[str, ...]
    payload: NewChatEvent
    online: list[str]


@dataclass(frozen=True, slots=True)
class ChatUpdated(Announced):
    """What describes a chat changed, such as its name."""

    chat_id: str
    rev: int
    payload: ChatEvent


@dataclass(frozen=True, slots=True)
class ChatDeleted(Announced):
    """A group and its messages were deleted."""

    awaited = True
    chat_id: str


@dataclass(frozen=True, slots=True)
class ChatEntered(Announced):
    """Users were added to a group, the last of them with the change `rev`. `chat` is the group that they see, `online`
    those of its listed members that are online. A `MemberJoined` for each of them follows."""

    chat_id: str
    rev: int
    user_ids: tuple[str, ...]
    chat: NewChatEvent
    online: list[str]


@dataclass(frozen=True, slots=True)
class MemberJoined(Announced):
    """A user joined a group."""

    chat_id: str
    rev: int
    user_id: str
    payload: ChatMember
    is_online: bool


@dataclass(frozen=True, slots=True)
class MemberUpdated(Announced):
    """A member's role changed."""

    chat_id: str
    rev: int
    payload: ChatMember


@dataclass(frozen=True, slots=True)
class MemberLeft(Announced):
    """A user left a group or was removed: once the action returns, no worker emits events of the group to them."""

    awaited = True
    chat_id: str
    rev: int
    user_id: str


@dataclass(frozen=True, slots=True)
class MessageSent(Announced):
    """A message was sent, by a user, a server or a change of a group."""

    within_chat = True
    chat_id: str
    rev: int
    payload: MessageEvent

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The message."""
        return self.payload["id"], None
