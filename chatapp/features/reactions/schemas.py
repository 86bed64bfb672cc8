"""What clients send and get of reactions."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, schema_of
from chatapp.core.pagination import list_query
from chatapp.core.schemas import Flag, Id, Input, QueryFlag, Timestamp, absent
from chatapp.representations.message import MAX_REACTIONS, Reaction
from chatapp.representations.user import User, visible_to_reader

MAX_EMOJI = 64
EMOJI = {
    "description": "One emoji, or the name of one of your app: `:` 1–32 of `a–z 0–9 _ + -` `:`.",
    "example": "👍",
}
UNIQUE = {"description": "True to take back the caller's other reactions to the message.", "example": False}


class ReactSchema(Input):
    """A reaction to give or to take back."""

    message_id = Id(data_key="messageId", required=True, metadata={"description": "A message of a chat of the caller."})
    emoji = fields.String(required=True, validate=validate.Length(1, MAX_EMOJI), metadata=EMOJI)
    on = Flag(required=True, metadata={"description": "True to react, false to take the reaction back."})
    unique = Flag(load_default=False, metadata=UNIQUE)


class ReactQuery(Input):
    """How to react."""

    unique = QueryFlag(load_default=False, metadata=UNIQUE)


class ReactionsQuery(list_query()):  # type: ignore[misc]
    """Page of the reactions to a message."""

    emoji = fields.String(
        load_default=absent,
        validate=validate.Length(1, MAX_EMOJI),
        metadata=EMOJI | {"description": "Return only reactions with this emoji."},
    )


class MessageReactions(TypedDict):
    """The reactions to a message, as the caller sees them."""

    messageId: Annotated[str, Id(), "The message."]
    chatId: Annotated[str, Id(), "The chat of the message."]
    rev: Annotated[int, "The change number of the message."]
    reactions: NotRequired[
        Annotated[
            list[Reaction],
            fields.List(fields.Nested(schema_of(Reaction)), validate=validate.Length(max=MAX_REACTIONS)),
            "The reactions, in the order in which they were first given; absent if there are none.",
        ]
    ]


class GivenReaction(TypedDict):
    """A reaction of one user."""

    # From a row `r` and its user `u`.
    emoji: Annotated[
        str,
        Column("r.emoji"),
        fields.String(validate=validate.Length(max=MAX_EMOJI), metadata={"example": "👍"}),
        "The emoji, as it was first given to the message.",
    ]
    userId: Annotated[str, Column("r.user_id"), Id(), "The id of the user."]
    user: Annotated[User, Column(visible_to_reader(User)), "The user, who may have left the chat."]
    createdAt: Annotated[str, Column("wire_time(r.created_at)"), Timestamp(), "When the user reacted."]


MessageReactionsSchema = schema_of(MessageReactions)
GivenReactionSchema = schema_of(GivenReaction)
