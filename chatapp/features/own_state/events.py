"""Domain events of own state."""

from dataclasses import dataclass

from chatapp.core.errors import Json
from chatapp.core.events import Announced


@dataclass(frozen=True, slots=True)
class OwnStateChanged(Announced):
    """A user's own state changed, with the change number `me_rev`. `name` and `payload` are the event for the user's
    sockets; a change without a name has none."""

    recordable = False
    user_id: str
    me_rev: int
    name: str | None
    payload: Json
