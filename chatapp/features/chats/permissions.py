"""Permissions on chats."""

from dataclasses import dataclass
from enum import StrEnum

from chatapp.core.errors import Forbidden
from chatapp.core.identity import Actor
from chatapp.core.permissions import Table
from chatapp.models.enums import MemberRole


class ChatPermission(StrEnum):
    """What an actor may do with a chat."""

    LEAVE = "chat.leave"
    UPDATE = "chat.update"
    DELETE = "chat.delete"
    ADD_MEMBERS = "members.add"
    REMOVE_MEMBERS = "members.remove"
    SET_ROLES = "members.set_role"


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


def closed(*, blocks: bool) -> Forbidden:
    """The error for a member of a closed direct chat who sends, or changes what the other one sees: `you_blocked` if the
    member `blocks` the other one, else `cannot_send`, which does not tell a block from an erased account."""
    if blocks:
        return Forbidden("You block this user.", code="you_blocked")
    return Forbidden("The other user of this chat cannot receive messages.", code="cannot_send")


def _member(_actor: Actor, membership: Membership) -> bool:
    return membership.role is not None


def _admin(_actor: Actor, membership: Membership) -> bool:
    return membership.role == MemberRole.ADMIN


PERMISSIONS: Table[ChatPermission, Membership] = {
    ChatPermission.LEAVE: _member,
    ChatPermission.UPDATE: _admin,
    ChatPermission.DELETE: _admin,
    ChatPermission.ADD_MEMBERS: _admin,
    ChatPermission.REMOVE_MEMBERS: _admin,
    ChatPermission.SET_ROLES: _admin,
}
