"""Default deny: call `require` before acting on a resource.

A feature's `permissions.py` is one table, permission → predicate over (actor, subject). A subject knows whether the
actor may see it.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol, TypeVar

from chatapp.core.errors import Forbidden, NotFound
from chatapp.core.identity import Actor


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
