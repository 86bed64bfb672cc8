"""Permissions on messages."""

from dataclasses import dataclass
from enum import StrEnum

from chatapp.core.identity import Actor
from chatapp.core.permissions import Table
from chatapp.models.enums import MemberRole, UserRole

MODERATING_ROLES = (UserRole.MODERATOR, UserRole.ADMIN)


class MessagePermission(StrEnum):
    """What an actor may do with a message."""

    READ_STATUSES = "message.read_statuses"
    EDIT = "message.edit"
    DELETE = "message.delete"


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """A message and the actor's relation to its chat (`chat_role` is None for non-members, `chat_type` where it was not read).

    `moderated` is True if the actor accesses it as a moderator of this server, whether or not in its chat.
    """

    id: str
    chat_id: str
    sender_id: str
    type: str
    chat_role: str | None
    moderated: bool
    chat_type: str | None = None

    @property
    def visible(self) -> bool:
        """Messages are visible to the members of their chat, and to moderators."""
        return self.chat_role is not None or self.moderated


def _member(_actor: Actor, message: KnownMessage) -> bool:
    return message.chat_role is not None


def _sender(actor: Actor, message: KnownMessage) -> bool:
    return message.chat_role is not None and message.sender_id == actor.user_id


def _sender_or_authority(actor: Actor, message: KnownMessage) -> bool:
    return _sender(actor, message) or message.chat_role == MemberRole.ADMIN or message.moderated


PERMISSIONS: Table[MessagePermission, KnownMessage] = {
    MessagePermission.READ_STATUSES: _member,
    MessagePermission.EDIT: _sender,
    MessagePermission.DELETE: _sender_or_authority,
}
