"""Schemas of users."""

import re
from typing import Annotated, Any, TypedDict

from marshmallow import ValidationError, fields, validate

from chatapp.core.names import ascii_domain
from chatapp.core.objects import schema_of
from chatapp.core.references import ExternalIdField
from chatapp.core.schemas import Choice, Data, Flag, Input, Text
from chatapp.representations.user import MAX_USER_DATA, ROLES, User

RESERVED_USERNAMES = frozenset({"me", "search", "admin", "administrator", "moderator", "root", "support", "system"})
_NAME = "[A-Za-z0-9_]{3,20}"
# Hosts may have names that only a local network knows, with underscores and without a known top-level domain.
_HOST_LABEL = r"\w(?:[\w-]*\w)?"
_HTTP_URL = re.compile(
    rf"https?://(?:[^@/?#\s]*@)?(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*\.?|\[[0-9a-f:.]+\])(?::\d{{1,5}})?(?:[/?#][!-~]*)?\Z",
    re.ASCII | re.IGNORECASE,
)


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


def _ascii(url: str) -> None:
    # Chats contain the avatars of their members, so their size in bytes is bounded.
    if not url.isascii():
        raise ValidationError("Must be ASCII, other characters percent-encoded.")


class Avatar(Text):
    """The http(s) URL of a picture, or null."""

    def __init__(self, **kwargs: Any) -> None:
        url = validate.Regexp(_HTTP_URL, error="Not an http(s) URL.")
        metadata = {
            "description": "The http(s) URL of a picture, up to 2048 ASCII characters; null for none.",
            "format": "uri",
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
            "example": "https://example.org/a.png",
        }
        super().__init__(max_length=2048, allow_none=True, validate=[_ascii, url], metadata=metadata, **kwargs)


def _known_domain(email: str) -> None:
    if ascii_domain(email.rpartition("@")[2]) is None:
        raise ValidationError("Not a valid email address.")


class Email(Text):
    """An email address of at most 254 characters."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "format": "email",
            "description": "Unique regardless of case and of the form of its domain; up to 254 characters.",
            "example": "alice@example.org",
        }
        super().__init__(max_length=254, validate=[validate.Email(), _known_domain], metadata=metadata, **kwargs)


class DisplayName(Text):
    """The name to show instead of the username."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "description": "The name to show, 1–80 characters after trimming; null for none: clients show the username.",
            "example": "Alice Liddell",
        }
        super().__init__(1, 80, allow_none=True, metadata=metadata, **kwargs)


class UserFields(Input):
    """Fields of a user of your app; absent fields stay as they are."""

    display_name = DisplayName(data_key="displayName")
    username = Username()
    email = Email(allow_none=True)
    avatar = Avatar()
    data = Data(MAX_USER_DATA)
    private_data = Data(MAX_USER_DATA, data_key="privateData")
    role = Choice(
        "Role", ROLES, metadata={"description": "The role on the server. Setting it requires the scope `admin`."}
    )


class PutUserSchema(UserFields):
    """A user of your app; absent fields of an existing one stay as they are."""

    is_bot = Flag(
        data_key="isBot",
        metadata={"description": "True for a bot. Can be set only when the user is created.", "example": False},
    )


class NamedUserSchema(PutUserSchema):
    """A user of your app, with its external id; absent fields of an existing one stay as they are."""

    external_id = ExternalIdField(data_key="externalId", required=True)


class PatchMeSchema(Input):
    """Changes of the caller's profile; absent fields stay as they are."""

    username = Username()
    avatar = Avatar()
    display_name = DisplayName(data_key="displayName")
    data = Data(MAX_USER_DATA)


class UserUpdated(TypedDict):
    """The new profile of a user."""

    user: Annotated[User, "The user."]


UserUpdatedSchema = schema_of(UserUpdated)


class SearchQuery(Input):
    """Search text for names of users."""

    q = Text(
        1,
        50,
        required=True,
        metadata={
            "description": "Text of 1–50 characters that the username or the display name contains, in any case; there are "
            "no wildcards.",
            "example": "ali",
        },
    )
