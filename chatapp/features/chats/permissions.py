"""Permissions on chats."""

from dataclasses import dataclass

from chatapp.core.identity import Actor
from chatapp.core.permissions import Table


@dataclass(frozen=True, slots=True)
class Membership:
    """An actor's relation to a chat: `role` is MEMBER or ADMIN, None for a non-member."""

    chat_id: str
    type: str
    role: str | None

    @property
    def visible(self) -> bool:
        """Chats are visible to their members."""
        return self.role is not None


def _member(_actor: Actor, membership: Membership) -> bool:
    return membership.role is not None


def _admin(_actor: Actor, membership: Membership) -> bool:
    return membership.role == "ADMIN"


PERMISSIONS: Table[Membership] = {
    "chat.leave": _member,
    "chat.update": _admin,
    "chat.delete": _admin,
    "members.add": _admin,
    "members.remove": _admin,
    "members.set_role": _admin,
}
