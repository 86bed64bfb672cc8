"""Default-deny: nothing is done to a subject before `require` has said yes.

A feature's `permissions.py` is one table, permission → predicate over (actor, subject). A subject knows whether the
actor may see it at all.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from chatapp.core.errors import Forbidden, NotFound
from chatapp.core.identity import Actor


class Subject(Protocol):
    """What a permission is asked about."""

    @property
    def visible(self) -> bool:
        """Whether the actor may know that it exists."""


S = TypeVar("S", bound=Subject)
Table = Mapping[str, Callable[[Actor, S], bool]]


def require(table: Table[S], permission: str, actor: Actor, subject: S | None) -> S:
    """`subject`, if `actor` has `permission` on it.

    Raises NotFound when there is none or the actor may not even see it, Forbidden when they see it and may not.
    """
    if subject is None or not subject.visible:
        raise NotFound("Not found.")
    if not table[permission](actor, subject):
        raise Forbidden("You do not have permission to do this.")
    return subject
