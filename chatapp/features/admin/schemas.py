"""Schemas of administration."""

from typing import Annotated

from marshmallow import fields

from chatapp.core.objects import Column, schema_of
from chatapp.core.schemas import Choice, Flag, Input, Text, absent
from chatapp.representations.user import ROLES, Me


class Account(Me):
    """An account, as ADMINs see it."""

    isActive: Annotated[
        bool,
        Column("u.is_active"),
        fields.Boolean(
            metadata={
                "description": "False if the account is deactivated: it can't log in and has no sockets.",
                "example": True,
            }
        ),
    ]


AccountSchema = schema_of(Account)


class PatchAccountSchema(Input):
    """Changes of an account; absent fields stay as they are."""

    role = Choice(
        "Role",
        ROLES,
        metadata={"description": "The user's role on the server.", "example": "MODERATOR"},
    )
    is_active = Flag(
        data_key="isActive",
        metadata={
            "description": "False deactivates the account: its sessions end, and it can't log in.",
            "example": True,
        },
    )


class AccountFilter(Input):
    """Filters of the list of accounts."""

    q = Text(
        max_length=254,
        load_default=absent,
        metadata={
            "description": "Text that the username or email address contains, in any case; empty for all.",
            "example": "ali",
        },
    )
    role = Choice("Role", ROLES, load_default=absent, metadata={"description": "Return only accounts with this role."})
