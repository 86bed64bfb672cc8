"""The shapes of registering, logging in and staying logged in."""

import re
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.auth.common_passwords import is_common
from chatapp.core.names import ascii_domain
from chatapp.core.schemas import CONTROL, Id, Input, Output, Text, Whole
from chatapp.users.schemas import MeSchema, Username


def _known_domain(email: str) -> None:
    if ascii_domain(email.rpartition("@")[2]) is None:
        raise ValidationError("Not a valid email address.")


class Email(Text):
    """An e-mail address of at most 254 characters."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "format": "email",
            "description": "Unique whatever the case and whatever the form of its domain; up to 254 characters.",
            "example": "alice@example.org",
        }
        super().__init__(longest=254, validate=[validate.Email(), _known_domain], metadata=metadata, **kwargs)


def _strong(password: str) -> None:
    if not all(re.search(kind, password) for kind in ("[A-Z]", "[a-z]", "[0-9]")):
        raise ValidationError("Must have an upper-case letter, a lower-case letter and a digit.")
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
            "description": "8–64 characters with an upper-case letter, a lower-case letter and a digit; none of the "
            "10,000 most common passwords, compared without case.",
            "pattern": rf"^(?![^{CONTROL}]*[{CONTROL}])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])",
            "example": "Correct4Horse",
        },
    )


class LoginSchema(Input):
    """An account, by its e-mail address or its username, and its password."""

    class Meta(Input.Meta):
        # Beside the password one of the two names, and not both.
        bounds: ClassVar = {"minProperties": 2, "maxProperties": 2}

    email = Text(
        longest=254,
        metadata={"description": "The address, in any case; or else the username.", "example": "alice@example.org"},
    )
    username = Text(longest=254, metadata={"description": "The username, in any case; or else the address."})
    password = Text(
        longest=1024,
        trim=False,
        required=True,
        load_only=True,
        metadata={"description": "The account's password.", "example": "Correct4Horse"},
    )

    @validates_schema
    def _one_name(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("email" in data) == ("username" in data):
            raise ValidationError("Give either an email or a username.", "email")


class RefreshSchema(Input):
    """A refresh token; it may come as Bearer instead."""

    # Opaque to clients: whatever text is no token of this server's is a bad token, and no bad field.
    refresh_token = Text(
        longest=1024,
        data_key="refreshToken",
        metadata={
            "format": "uuid",
            "description": "The newest of the session; absent, it is sent as Bearer.",
            "example": "01a209c0-dd89-4528-89ae-40572c1fa41a",
        },
    )


class TokensSchema(Output):
    """The means to stay logged in."""

    accessToken = fields.String(
        required=True, metadata={"description": "JWT to send as Bearer.", "example": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"}
    )
    refreshToken = Id(required=True, metadata={"description": "Good for one refresh; opaque."})
    expiresIn = Whole(
        required=True, metadata={"description": "Seconds that the access token is good for.", "example": 900}
    )


class LoginAnswerSchema(TokensSchema):
    """Who is logged in now, and the means to stay so."""

    user = fields.Nested(MeSchema, required=True, metadata={"description": "The account that is logged in now."})
