"""Domain event of signals."""

from dataclasses import dataclass
from typing import Any

from chatapp.core.events import Ephemeral


@dataclass(frozen=True, slots=True)
class SignalSent(Ephemeral):
    """A member sent a signal, to these users or (None) to all other members."""

    within_chat = True
    chat_id: str
    user_id: str
    name: str
    data: Any
    to_user_ids: list[str] | None
