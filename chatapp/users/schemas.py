"""The shapes of people."""

import re
from typing import Any

from marshmallow import ValidationError, fields, validate

from chatapp.core.schemas import Choice, Id, Input, Output, Text, Timestamp

RESERVED_USERNAMES = frozenset({"me", "search", "admin", "administrator", "moderator", "root", "support", "system"})
ROLES = ("USER", "MODERATOR", "ADMIN")
_NAME = "[A-Za-z0-9_]{3,20}"


class Username(fields.String):
    """3–20 of A–Z a–z 0–9 _; names that paths use or that look official are reserved."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "description": "3–20 of `A–Z a–z 0–9 _`, unique whatever the case. Reserved: "
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
        # Each member of a chat comes with theirs: what is bounded there are bytes.
        ascii_only = validate.Regexp(r"[\0-\x7f]*\Z", error="Must be ASCII, other characters percent-encoded.")
        metadata = {
            "description": "http(s) URL of a picture, up to 2048 ASCII characters; null for none.",
            "format": "uri",
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
            "example": "https://example.org/a.png",
        }
        super().__init__(longest=2048, allow_none=True, validate=[url, ascii_only], metadata=metadata, **kwargs)


class ShownName(fields.String):
    """The username of somebody, in an answer."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            validate=validate.Length(max=20),
            metadata={"description": "Unique whatever the case.", "example": "alice"},
        )


class ShownAvatar(fields.String):
    """The picture of somebody or of a group, in an answer."""

    def __init__(self) -> None:
        super().__init__(
            required=True,
            allow_none=True,
            validate=validate.Length(max=2048),
            metadata={"description": "http(s) URL of a picture, or null.", "example": "https://example.org/a.png"},
        )


class UserSchema(Output):
    """A person, as others see them."""

    id = Id(required=True, metadata={"description": "Stays the same when the username changes."})
    username = ShownName()
    avatar = ShownAvatar()
    isOnline = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether they have a live socket: real for oneself and users who share a chat; false for "
            "others and in events."
        },
    )
    lastSeen = Timestamp(
        required=True,
        allow_none=True,
        metadata={
            "description": "When their last socket closed: real for oneself and users who share a chat; null before that, "
            "for others and in events."
        },
    )
    createdAt = Timestamp(required=True, metadata={"description": "When they registered."})


class MeSchema(UserSchema):
    """The caller's own account."""

    email = fields.String(
        required=True, metadata={"description": "Shown to nobody else.", "example": "alice@example.org"}
    )
    role = Choice(
        "Role",
        ROLES,
        required=True,
        metadata={"description": "What they may do on this server, beside what they are in each chat."},
    )


class PatchMeSchema(Input):
    """What a person can change about themselves; absent fields stay as they are."""

    username = Username()
    avatar = Avatar()


class SearchQuery(Input):
    """What to look for among usernames."""

    q = Text(
        1,
        50,
        required=True,
        metadata={
            "description": "A part of the name, in any case, of 1–50 characters; `%` and `_` are plain characters.",
            "example": "ali",
        },
    )
