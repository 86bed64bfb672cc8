"""Schemas of drafts."""

from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import schema_of
from chatapp.core.schemas import Data, Id, Input, Text, Timestamp, Whole
from chatapp.representations.draft import MAX_DRAFT
from chatapp.representations.message import MAX_METADATA


class PutDraftSchema(Input):
    """The draft of a message; it replaces the earlier one."""

    content = Text(
        max_length=MAX_DRAFT,
        trim=False,
        required=True,
        metadata={
            "description": "Up to 4000 characters, with white space at its ends. May be empty.",
            "example": "See you at",
        },
    )
    reply_to_id = Id(
        data_key="replyToId",
        load_default=None,
        allow_none=True,
        metadata={"description": "The message of this chat to reply to; it may be deleted by now."},
    )
    metadata = Data(MAX_METADATA, load_default=None)


class DraftEvent(TypedDict):
    """A draft after a change of it, as `Draft`; of one that was deleted only `chatId`, `meRev` and `isGone`."""

    chatId: Annotated[str, Id(), "The chat."]
    meRev: Annotated[int, Whole(metadata={"example": 9}), "The number of the change, of the user's own `meRev`."]
    updatedAt: NotRequired[Annotated[str, Timestamp(), "When it was last changed."]]
    content: NotRequired[
        Annotated[
            str,
            fields.String(validate=validate.Length(max=MAX_DRAFT), metadata={"example": "See you at"}),
            "The text; absent if it is empty.",
        ]
    ]
    replyToId: NotRequired[Annotated[str, Id(), "The message that it replies to."]]
    metadata: NotRequired[
        Annotated[
            dict[str, Any],
            fields.Dict(
                keys=fields.String(),
                metadata={
                    "description": f"Data of your app, up to {MAX_METADATA:,} bytes as JSON.",
                    "x-max-bytes": MAX_METADATA,
                    "example": {"orderId": 4711},
                },
            ),
        ]
    ]
    isGone: NotRequired[Annotated[bool, "True if the draft was deleted; absent otherwise."]]


DraftEventSchema = schema_of(DraftEvent)
