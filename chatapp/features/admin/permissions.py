"""Permissions on this server."""

from dataclasses import dataclass

from chatapp.core.identity import Actor
from chatapp.core.permissions import Table


@dataclass(frozen=True, slots=True)
class Server:
    """This server, which is visible to all."""

    visible: bool = True


def _admin(actor: Actor, _server: Server) -> bool:
    return actor.role == "ADMIN"


PERMISSIONS: Table[Server] = {
    "users.list": _admin,
    "users.update": _admin,
}
