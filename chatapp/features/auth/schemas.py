"""Schemas of registration, login and tokens."""

import re
from typing import Annotated, Any, ClassVar, TypedDict

from marshmallow import ValidationError, fields, validates_schema

from chatapp.core.json_input import CONTROL
from chatapp.core.objects import schema_of
from chatapp.core.references import ReferenceField
from chatapp.core.schemas import Duration, Flag, Id, Input, Text, Whole
from chatapp.features.auth.common_passwords import is_common
from chatapp.features.sessions.schemas import NewDeviceSchema
from chatapp.features.users.schemas import Email, NamedUserSchema, Username
from chatapp.representations.user import Me


def _strong(password: str) -> None:
    if not all(re.search(kind, password) for kind in ("[A-Z]", "[a-z]", "[0-9]")):
        raise ValidationError("Must contain an uppercase letter, a lowercase letter and a digit.")
    if is_common(password):
        raise ValidationError("This password is too common.")


class NewPassword(Text):
    """A password that an account gets."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "description": "8–64 characters with an uppercase letter, a lowercase letter and a digit; must not be one of "
            "the 10,000 most common passwords (compared without case).",
            "pattern": rf"^(?![^{CONTROL}]*[{CONTROL}])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])",
            "example": "Correct4Horse",
        }
        super().__init__(
            8, 64, trim=False, required=True, validate=[_strong], load_only=True, metadata=metadata, **kwargs
        )


class RegisterSchema(Input):
    """A new account."""

    email = Email(required=True)
    username = Username(required=True)
    password = NewPassword()


class LoginSchema(Input):
    """Credentials: an email address or a username, and a password."""

    class Meta(Input.Meta):
        # The password and exactly one of the two names.
        bounds: ClassVar = {"minProperties": 2, "maxProperties": 2}

    email = Text(
        max_length=254,
        metadata={
            "description": "The email address, in any case. Send this or `username`.",
            "example": "alice@example.org",
        },
    )
    username = Text(max_length=254, metadata={"description": "The username, in any case. Send this or `email`."})
    password = Text(
        max_length=1024,
        trim=False,
        required=True,
        load_only=True,
        metadata={"description": "The password of the account.", "example": "Correct4Horse"},
    )

    @validates_schema
    def _one_name(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("email" in data) == ("username" in data):
            raise ValidationError("Send either an email address or a username.", "email")


class RefreshSchema(Input):
    """A refresh token, unless it is sent as Bearer."""

    # Opaque to clients: text that is not a token of this server is an invalid token, not an invalid field.
    refresh_token = Text(
        max_length=1024,
        data_key="refreshToken",
        metadata={
            "format": "uuid",
            "description": "The latest refresh token of the session. Omit it to send the token as Bearer.",
            "example": "01a209c0-dd89-4528-89ae-40572c1fa41a",
        },
    )


class IssueTokensSchema(Input):
    """The user who gets tokens, and the device for which they are."""

    user_id = ReferenceField(data_key="userId", metadata={"description": "An existing user. Send this or `user`."})
    user = fields.Nested(
        NamedUserSchema,
        metadata={
            "description": "A user of your app, who is created or changed first, as by `PUT /server/users/{user}`; "
            "requires the scope `users` too."
        },
    )
    device = fields.Nested(NewDeviceSchema, metadata={"description": "The device of the user."})
    refresh = Flag(
        load_default=True,
        metadata={"description": "False: no refresh token; the session ends with its access token.", "example": True},
    )
    lifetime = Duration(
        "1m",
        "24h",
        metadata={
            "description": "The lifetime of the access token, from `1m` to `24h`; only with `refresh: false`.",
            "example": "1h",
        },
    )

    @validates_schema
    def _one_user(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("user_id" in data) == ("user" in data):
            raise ValidationError("Send either userId or user.", "userId")

    @validates_schema
    def _lifetime_of_session(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if "lifetime" in data and data.get("refresh", True):
            raise ValidationError("Is allowed only with refresh: false.", "lifetime")


class Tokens(TypedDict):
    """Access and refresh token of a session."""

    accessToken: Annotated[
        str,
        fields.String(
            metadata={
                "description": "The JWT to send as `Authorization: Bearer`.",
                "example": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
            }
        ),
    ]
    refreshToken: Annotated[
        str | None, Id(), "Opaque; can be used for one refresh. Null if none was requested from `POST /server/tokens`."
    ]
    expiresIn: Annotated[
        int, Whole(metadata={"description": "Lifetime of the access token in seconds.", "example": 900})
    ]


class LoginResponse(Tokens):
    """The account that logged in, and its tokens."""

    user: Annotated[Me, "The account that logged in."]


TokensSchema = schema_of(Tokens)
LoginResponseSchema = schema_of(LoginResponse)
