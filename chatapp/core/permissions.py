"""Default deny: call `require` before acting on a resource.

A feature's `permissions.py` is one table, permission → predicate over (actor, subject). A subject knows whether the
actor may see it.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol, TypeVar

from chatapp.core.errors import Forbidden, NotFound
from chatapp.core.identity import Actor, Principal


class Subject(Protocol):
    """The resource that a permission is checked on."""

    @property
    def visible(self) -> bool:
        """True if the actor may know that it exists."""


P = TypeVar("P", bound=StrEnum)
S = TypeVar("S", bound=Subject)
Table = Mapping[P, Callable[[Actor, S], bool]]


def require(table: Table[P, S], permission: P, actor: Actor, subject: S | None) -> S:
    """Return `subject` if `actor` has `permission` on it.

    Raises NotFound if it does not exist or the actor may not see it, Forbidden if the actor may only see it.
    """
    if subject is None or not subject.visible:
        raise NotFound("Not found.")
    if not table[permission](actor, subject):
        raise Forbidden("You do not have permission to do this.")
    return subject


# The role of ordinary users (`UserRole.USER`).
_ORDINARY_ROLE = "USER"
# A scope that is part of a public one, and which one.
PART_OF = {"tokens:revoke": "tokens"}


def require_scope(principal: Principal, scope: str) -> None:
    """Raise Forbidden unless `principal` has `scope`: `scope_missing` for an API key, `forbidden` for a user."""
    if scope in principal.scopes:
        return
    if principal.type == "user":
        raise Forbidden("This operation is for API keys, or for users with another role.")
    missing = PART_OF.get(scope, scope)
    raise Forbidden(f"The API key lacks the scope {missing}.", code="scope_missing", errors={"scope": [missing]})


def require_admin_scope(principal: Principal, role: str) -> None:
    """Raise Forbidden unless `principal` may act on, or as, a user with this `role` on the server.

    Everything that the scopes `users`, `tokens` and `act` allow needs `admin` too if the user's role is not USER.
    Commands of the operator may do all of it.
    """
    if role != _ORDINARY_ROLE and principal.type != "cli":
        require_scope(principal, "admin")
