"""Schemas of tokens of an app."""

from marshmallow import fields

from chatapp.core.schemas import Input, Text
from chatapp.features.sessions.schemas import NewDeviceSchema


class ExchangeSchema(Input):
    """A token of the app, and the device for which a session is opened."""

    # Opaque to clients: any text that is not a token is an invalid token, not an invalid field.
    token = Text(
        max_length=16_384,
        required=True,
        load_only=True,
        metadata={
            "description": "A JWT that your app issued for the user.",
            "example": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
        },
    )
    device = fields.Nested(NewDeviceSchema, metadata={"description": "The device of the user."})
