"""Schemas of the capabilities."""

from typing import Annotated, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import schema_of
from chatapp.core.schemas import Choice, Whole


class Capabilities(TypedDict):
    """The features and limits of this server."""

    contract: Annotated[
        str, fields.String(metadata={"example": "1.1"}), "The version of the wire contract, as major.minor."
    ]
    appName: Annotated[str, fields.String(metadata={"example": "Chat"}), "The name of the product (`APP_NAME`)."]
    registration: Annotated[
        str, Choice("Registration", ("open", "closed")), "Whether users can register by themselves."
    ]
    passwordLogin: Annotated[bool, "Whether users can log in with a password."]
    appTokens: Annotated[bool, "Whether the tokens of your app are accepted."]
    mail: Annotated[bool, "Whether the server sends mails."]
    totp: Annotated[bool, "Whether users can protect their login with one-time passwords."]
    accountDeletion: Annotated[bool, "Whether users can delete their account."]
    features: Annotated[
        list[str],
        fields.List(fields.String(), metadata={"example": ["server_keys", "act_as"]}),
        "The features of this server. Clients must accept unknown names.",
    ]
    limits: Annotated[
        dict[str, int],
        fields.Dict(
            keys=fields.String(validate=validate.Length(max=50)),
            values=Whole(),
            metadata={"example": {"content": 4000, "upload": 10485760, "groupMembers": 1000}},
        ),
        "The limits in force, by name: characters of a message (`content`), bytes of a file (`upload`), members of a group "
        "(`groupMembers`). Clients must accept unknown names.",
    ]


CapabilitiesSchema = schema_of(Capabilities)
