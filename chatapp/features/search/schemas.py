"""Schemas of the search."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, schema_of
from chatapp.core.pagination import list_query
from chatapp.core.schemas import Choice, Id, Instant, Text, Whole, absent
from chatapp.representations.chat import CHAT_TYPES
from chatapp.representations.message import Message, MessageSchema

MAX_QUERY = 100
HAS = ("file", "image", "link", "mention")
NEW, BEST = "new", "best"
DEFAULT_LIMIT, MAX_LIMIT = 20, 50


class ChatName(TypedDict):
    """The chat of a message that was found, for display."""

    # From a row `c`.
    id: Annotated[str, Column("c.id"), Id(), "The id of the chat."]
    name: Annotated[
        str | None, Column("c.name"), fields.String(validate=validate.Length(max=100)), "Null for a direct chat."
    ]
    type: Annotated[str, Column("c.type"), Choice("ChatType", CHAT_TYPES), "A direct chat of two users, or a group."]


class MessageHit(TypedDict):
    """A message that was found."""

    message: Annotated[Message, fields.Nested(MessageSchema), "The message. It does not become DELIVERED."]
    highlights: NotRequired[
        Annotated[
            list[list[int]],
            fields.List(
                fields.List(Whole(), validate=validate.Length(equal=2)), metadata={"example": [[0, 5], [12, 3]]}
            ),
            "The parts of `content` that match: pairs of a start and a length in Unicode code points, ascending, without overlaps. "
            "Whole words, also where only the beginning of a word matches. Absent if only the file name matches.",
        ]
    ]
    chat: Annotated[ChatName, "The chat of the message."]


MessageHitSchema = schema_of(MessageHit)


class MessageSearchQuery(list_query(DEFAULT_LIMIT, MAX_LIMIT)):  # type: ignore[misc]
    """Search text, filters and page."""

    q = Text(
        1,
        MAX_QUERY,
        required=True,
        metadata={
            "description": 'Up to 8 terms, which all must match: a word, `"a phrase"`, and `-word` or `-"a phrase"` for what '
            "must not occur. The last word also matches the beginning of words.",
            "example": "release notes",
        },
    )
    chat_id = Id(
        data_key="chatId",
        load_default=absent,
        metadata={"description": "Return only messages of this chat of the caller."},
    )
    from_id = Id(
        data_key="fromId", load_default=absent, metadata={"description": "Return only messages of this sender."}
    )
    has = Choice(
        "MessageFilter",
        HAS,
        load_default=absent,
        metadata={
            "description": "Return only messages of the type FILE (`file`) or IMAGE (`image`), with an http or https URL in the "
            "text (`link`), or that mention the caller or all members (`mention`).",
            "example": "link",
        },
    )
    before = Instant(
        load_default=absent, metadata={"description": "Return only messages that were sent before this time."}
    )
    after = Instant(
        load_default=absent, metadata={"description": "Return only messages that were sent after this time."}
    )
    sort = Choice(
        "SearchOrder",
        (NEW, BEST),
        load_default=NEW,
        metadata={
            "description": "`new`: the newest first. `best`: one page of the newest 1,000 matches, with whole words before "
            "beginnings of words, then terms that are closer together first, then the newest.",
            "example": "new",
        },
    )


class ChatSearchQuery(list_query()):  # type: ignore[misc]
    """Search text and page."""

    q = Text(
        1,
        MAX_QUERY,
        required=True,
        metadata={
            "description": "Text that the name contains, regardless of case; there are no wildcards. One or two letters match "
            "only the beginning of the name or of a word of it.",
            "example": "team",
        },
    )
