"""What happens to messages. `payload` is what goes over the wire, the same for everybody; `rev` the
chat's change number."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class MessageSent(Announced):
    """A chat has a new message."""

    within_chat = True
    chat_id: str
    rev: int
    payload: Json


@dataclass(frozen=True, slots=True)
class MessageEdited(Announced):
    """A message says something else."""

    within_chat = True
    chat_id: str
    rev: int
    payload: Json


@dataclass(frozen=True, slots=True)
class MessageDeleted(Announced):
    """A message is a tombstone now."""

    within_chat = True
    chat_id: str
    rev: int
    payload: Json


@dataclass(frozen=True, slots=True)
class MessagesRead(Announced):
    """A user read a chat up to a message. In a large group only the members in `audience` get the event."""

    within_chat = True
    chat_id: str
    payload: Json
    audience: list[str] | None


@dataclass(frozen=True, slots=True)
class MessagesDelivered(Announced):
    """A chat's messages were delivered: user → `seq` up to which. `audience` as in `MessagesRead`."""

    within_chat = True
    chat_id: str
    is_group: bool
    receipts: dict[str, int]
    audience: list[str] | None
