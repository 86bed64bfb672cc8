"""Schemas of the versions of a message."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, schema_of
from chatapp.core.schemas import Timestamp, Whole


class MessageVersion(TypedDict):
    """A text that a message has or had."""

    # From a row `v`.
    version: Annotated[
        int, Column("v.version"), Whole(metadata={"example": 1}), "The number of the version: 1 is the first text."
    ]
    content: Annotated[
        str,
        Column("v.content"),
        fields.String(validate=validate.Length(max=4000), metadata={"example": "Hi!"}),
        "The text.",
    ]
    at: Annotated[str, Column("wire_time(v.at)"), Timestamp(), "When the message got this text."]
    isCurrent: NotRequired[
        Annotated[bool, Column("v.is_current"), "True for the text that the message has now; absent otherwise."]
    ]


MessageVersionSchema = schema_of(MessageVersion)
