"""Schemas of users."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from chatapp.core.schemas import Choice, Id, Input, Output, Text, Timestamp
from chatapp.models.enums import UserRole

RESERVED_USERNAMES = frozenset({"me", "search", "admin", "administrator", "moderator", "root", "support", "system"})
ROLES = tuple(role.value for role in UserRole)
_NAME = "[A-Za-z0-9_]{3,20}"


class Username(fields.String):
    """3–20 of A–Z a–z 0–9 _; names that paths use or that look official are reserved."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "description": "3–20 of `A–Z a–z 0–9 _`, unique regardless of case. Reserved: "
            + ", ".join(f"`{name}`" for name in sorted(RESERVED_USERNAMES))
            + ".",
            "minLength": 3,
            "maxLength": 20,
            "pattern": f"^{_NAME}$",
            "example": "alice",
        }
        super().__init__(validate=_username, metadata=metadata, **kwargs)


def _username(value: str) -> None:
    if not re.fullmatch(_NAME, value):
        raise ValidationError("Must be 3–20 of the characters A–Z a–z 0–9 _.")
    if value.lower() in RESERVED_USERNAMES:
        raise ValidationError("This name is reserved.")


class Avatar(Text):
    """The http(s) URL of a picture, or null."""

    def __init__(self, **kwargs: Any) -> None:
        url = validate.URL(schemes={"http", "https"}, require_tld=False)
        # Chats contain the avatars of their members, so their size in bytes is bounded.
        ascii_only = validate.Regexp(r"[\0-\x7f]*\Z", error="Must be ASCII, other characters percent-encoded.")
        metadata = {
            "description": "The http(s) URL of a picture, up to 2048 ASCII characters; null for none.",
            "format": "uri",
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
            "example": "https://example.org/a.png",
        }
        super().__init__(max_length=2048, allow_none=True, validate=[url, ascii_only], metadata=metadata, **kwargs)


class ShownName(fields.String):
    """A username in a response."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            validate=validate.Length(max=20),
            metadata={"description": "Unique regardless of case.", "example": "alice"},
        )


class ShownAvatar(fields.String):
    """The picture of a user or a group in a response."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            allow_none=True,
            validate=validate.Length(max=2048),
            metadata={"description": "The http(s) URL of a picture, or null.", "example": "https://example.org/a.png"},
        )


class UserSchema(Output):
    """A user, as other users see them."""

    id = Id(required=True, metadata={"description": "The id of the user; it never changes."})
    username = ShownName()
    avatar = ShownAvatar()
    isOnline = fields.Boolean(
        required=True,
        metadata={
            "description": "True if the user has a connected socket. Only shown to the user and to users who share a chat "
            "with them; otherwise, and in events, false."
        },
    )
    lastSeen = Timestamp(
        required=True,
        allow_none=True,
        metadata={
            "description": "When the user's last socket closed, or null. Only shown to the user and to users who share a chat "
            "with them; otherwise, and in events, null."
        },
    )
    createdAt = Timestamp(required=True, metadata={"description": "When the account was registered."})


class MeSchema(UserSchema):
    """The caller's own account."""

    email = fields.String(
        required=True,
        metadata={"description": "The email address; not visible to other users.", "example": "alice@example.org"},
    )
    role = Choice(
        "Role",
        ROLES,
        required=True,
        metadata={"description": "The role on the server, which is independent of the roles in chats."},
    )


class PatchMeSchema(Input):
    """Changes of the caller's profile; absent fields stay as they are."""

    username = Username()
    avatar = Avatar()


class SearchQuery(Input):
    """Search text for usernames."""

    q = Text(
        1,
        50,
        required=True,
        metadata={
            "description": "Text of 1–50 characters that the username contains, in any case; there are no wildcards.",
            "example": "ali",
        },
    )
