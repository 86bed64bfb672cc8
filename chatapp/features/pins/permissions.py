"""Permissions on pins."""

from enum import StrEnum

from chatapp.core.identity import Actor
from chatapp.core.permissions import Table
from chatapp.features.messages.permissions import KnownMessage
from chatapp.models.enums import ChatType, MemberRole


class PinPermission(StrEnum):
    """What an actor may do with the pin of a message."""

    CHANGE = "pin.change"


def _admin_or_direct(_actor: Actor, message: KnownMessage) -> bool:
    return message.chat_role == MemberRole.ADMIN or (
        message.chat_role is not None and message.chat_type == ChatType.DIRECT
    )


PERMISSIONS: Table[PinPermission, KnownMessage] = {PinPermission.CHANGE: _admin_or_direct}
