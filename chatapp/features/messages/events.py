"""Domain events of messages. `payload` is what clients receive, the same for all; `rev` is the chat's change number."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import Announced
from chatapp.features.messages.schemas import MessageChangedEvent, MessageDeletedEvent, MessagesReadEvent
from chatapp.representations.message import MessageEvent


@dataclass(frozen=True, slots=True)
class MessageEdited(Announced):
    """A message was edited."""

    within_chat = True
    chat_id: str
    rev: int
    payload: MessageEvent

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The message."""
        return self.payload["id"], None


@dataclass(frozen=True, slots=True)
class MessageChanged(Announced):
    """A message was changed in another way than by an edit of its text."""

    within_chat = True
    chat_id: str
    rev: int
    payload: MessageChangedEvent

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The message, the names of the fields that changed, and who caused it."""
        return self.payload["messageId"], {
            "fields": list(self.payload["changes"]),
            "actors": self.payload.get("actors"),
        }


@dataclass(frozen=True, slots=True)
class MessageDeleted(Announced):
    """A message was deleted."""

    within_chat = True
    chat_id: str
    rev: int
    payload: MessageDeletedEvent

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The message."""
        return self.payload["messageId"], None


@dataclass(frozen=True, slots=True)
class MessagesRead(Announced):
    """A user read a chat up to a message. In a large group only the members in `audience` get the event. `is_private`: it
    is for the user's own sockets only."""

    within_chat = True
    chat_id: str
    payload: MessagesReadEvent
    audience: list[str] | None
    is_private: bool = False

    def outbox_fields(self) -> tuple[str | None, Json | None]:
        """The user, and how far they read."""
        return self.payload["userId"], {"readSeq": self.payload["readSeq"]}


@dataclass(frozen=True, slots=True)
class MessagesDelivered(Announced):
    """Messages of a chat were delivered: user → highest `seq`. `audience` as in `MessagesRead`."""

    within_chat = True
    recordable = False
    chat_id: str
    is_group: bool
    receipts: dict[str, int]
    audience: list[str] | None
