"""Drafts of messages."""

from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, build_object, schema_of
from chatapp.core.schemas import Id, Timestamp
from chatapp.representations.message import MAX_METADATA

MAX_DRAFT = 4000


class Draft(TypedDict):
    """The caller's draft in a chat, which no other user sees."""

    # From a row `d`.
    chatId: Annotated[str, Column("d.chat_id"), Id(), "The chat."]
    content: NotRequired[
        Annotated[
            str,
            Column("nullif(d.content, '')"),
            fields.String(validate=validate.Length(max=MAX_DRAFT), metadata={"example": "See you at"}),
            "The text; absent if it is empty.",
        ]
    ]
    replyToId: NotRequired[
        Annotated[
            str,
            Column("d.reply_to"),
            Id(),
            "The message that it replies to. It may be deleted by now: then a message that replies to it is refused.",
        ]
    ]
    metadata: NotRequired[
        Annotated[
            dict[str, Any],
            Column("d.metadata"),
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
    updatedAt: Annotated[str, Column("wire_time(d.updated_at)"), Timestamp(), "When it was last changed."]
    meRev: Annotated[int, Column("d.me_rev"), "The number of its last change, of the user's own `meRev`."]


DraftSchema = schema_of(Draft)
DRAFT_OBJECT = build_object(Draft)
