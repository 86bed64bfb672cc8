"""Permissions on earlier texts."""

from enum import StrEnum

from chatapp.core import settings
from chatapp.core.identity import Actor
from chatapp.core.permissions import Table
from chatapp.features.messages.permissions import MODERATING_ROLES, KnownMessage
from chatapp.models.enums import ChatType, MemberRole


class VersionPermission(StrEnum):
    """What an actor may do with the versions of a message."""

    READ = "version.read"


def _reader(actor: Actor, message: KnownMessage) -> bool:
    """With `EDIT_HISTORY=admins`, the ADMINs of a group, both users of a direct chat, and moderators who are members."""
    if message.chat_role is None:
        return False
    return (
        settings.current().edit_history != "admins"
        or message.chat_role == MemberRole.ADMIN
        or message.chat_type == ChatType.DIRECT
        or actor.role in MODERATING_ROLES
    )


PERMISSIONS: Table[VersionPermission, KnownMessage] = {VersionPermission.READ: _reader}
