"""The shapes of administration."""

from marshmallow import fields

from chatapp.core.schemas import Choice, Flag, Input, Text, absent
from chatapp.users.schemas import ROLES, MeSchema


class AccountSchema(MeSchema):
    """An account, as an administrator sees it."""

    isActive = fields.Boolean(
        required=True, metadata={"description": "False: can't log in, and has no sockets.", "example": True}
    )


class PatchAccountSchema(Input):
    """What changes about an account; absent fields stay as they are."""

    role = Choice(
        "Role",
        ROLES,
        metadata={"description": "What they may do on this server.", "example": "MODERATOR"},
    )
    is_active = Flag(
        data_key="isActive",
        metadata={"description": "False ends their sessions and keeps them from logging in.", "example": True},
    )


class AccountFilter(Input):
    """Which accounts to list."""

    q = Text(
        longest=254,
        load_default=absent,
        metadata={"description": "A part of the username or address, in any case; empty, all.", "example": "ali"},
    )
    role = Choice("Role", ROLES, load_default=absent, metadata={"description": "Only those of this role."})
