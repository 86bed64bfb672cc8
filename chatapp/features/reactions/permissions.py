"""Permissions on reactions."""

from enum import StrEnum

from chatapp.core.identity import Actor
from chatapp.core.permissions import Table
from chatapp.features.messages.permissions import KnownMessage


class ReactionPermission(StrEnum):
    """What an actor may do with the reactions to a message."""

    LIST = "reaction.list"
    REACT = "reaction.react"


def _member(_actor: Actor, message: KnownMessage) -> bool:
    return message.chat_role is not None


PERMISSIONS: Table[ReactionPermission, KnownMessage] = {
    ReactionPermission.LIST: _member,
    ReactionPermission.REACT: _member,
}
