"""What happens to people."""

from dataclasses import dataclass

from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class AccountChanged(Announced):
    """Somebody has another name, avatar or role: who they were to their live sockets is out of date."""

    awaited = True
    user_id: str
