"""Permissions on this server."""

from dataclasses import dataclass
from enum import StrEnum

from chatapp.core.identity import Actor
from chatapp.core.permissions import Table
from chatapp.models.enums import UserRole


class ServerPermission(StrEnum):
    """What an actor may do on this server."""

    LIST_USERS = "users.list"
    UPDATE_USERS = "users.update"
    READ_STATE = "state.read"


@dataclass(frozen=True, slots=True)
class Server:
    """This server, which is visible to all."""

    visible: bool = True


def _admin(actor: Actor, _server: Server) -> bool:
    return actor.role == UserRole.ADMIN


PERMISSIONS: Table[ServerPermission, Server] = {
    ServerPermission.LIST_USERS: _admin,
    ServerPermission.UPDATE_USERS: _admin,
    ServerPermission.READ_STATE: _admin,
}
