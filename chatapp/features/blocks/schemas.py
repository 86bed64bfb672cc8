"""Schemas of blocks."""

from typing import Annotated, TypedDict

from chatapp.core.objects import Column, schema_of
from chatapp.core.schemas import Id, Timestamp
from chatapp.representations.user import USER_EVENT, User


class BlockedUser(TypedDict):
    """A user whom the caller blocks."""

    # From a row `b` of `blocks` and the blocked user `u`.
    user: Annotated[User, Column(USER_EVENT), "The user, without presence."]
    createdAt: Annotated[str, Column("wire_time(b.created_at)"), Timestamp(), "When the caller blocked the user."]


class BlockChanged(TypedDict):
    """A user whom the caller blocks from now on, or blocks no longer."""

    userId: Annotated[str, Id(), "The other user."]
    isBlocked: Annotated[bool, "True if the caller blocks the user from now on, false if no longer."]
    meRev: Annotated[int, "The number of the change, of the user's own `meRev`."]


BlockedUserSchema = schema_of(BlockedUser)
BlockChangedSchema = schema_of(BlockChanged)
