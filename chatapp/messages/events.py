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
    """Somebody read a chat up to a message."""

    within_chat = True
    chat_id: str
    payload: Json


@dataclass(frozen=True, slots=True)
class MessagesDelivered(Announced):
    """Somebody was handed a chat's messages up to one."""

    within_chat = True
    chat_id: str
    payload: Json
