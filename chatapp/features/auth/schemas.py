"""Schemas of registration, login and tokens."""

import re
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.core.names import ascii_domain
from chatapp.core.schemas import CONTROL, Id, Input, Output, Text, Whole
from chatapp.features.auth.common_passwords import is_common
from chatapp.features.users.schemas import MeSchema, Username


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


def _strong(password: str) -> None:
    if not all(re.search(kind, password) for kind in ("[A-Z]", "[a-z]", "[0-9]")):
        raise ValidationError("Must contain an uppercase letter, a lowercase letter and a digit.")
    if is_common(password):
        raise ValidationError("This password is too common.")


class RegisterSchema(Input):
    """A new account."""

    email = Email(required=True)
    username = Username(required=True)
    password = Text(
        8,
        64,
        trim=False,
        required=True,
        validate=[_strong],
        load_only=True,
        metadata={
            "description": "8–64 characters with an uppercase letter, a lowercase letter and a digit; must not be one of "
            "the 10,000 most common passwords (compared without case).",
            "pattern": rf"^(?![^{CONTROL}]*[{CONTROL}])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])",
            "example": "Correct4Horse",
        },
    )


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


class TokensSchema(Output):
    """Access and refresh token of a session."""

    accessToken = fields.String(
        required=True,
        metadata={
            "description": "The JWT to send as `Authorization: Bearer`.",
            "example": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
        },
    )
    refreshToken = Id(required=True, metadata={"description": "Opaque; can be used for one refresh."})
    expiresIn = Whole(
        required=True, metadata={"description": "Lifetime of the access token in seconds.", "example": 900}
    )


class LoginAnswerSchema(TokensSchema):
    """The account that logged in, and its tokens."""

    user = fields.Nested(MeSchema, required=True, metadata={"description": "The account that logged in."})
