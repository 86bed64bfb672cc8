"""Schemas of the personal state of chats."""

from typing import Annotated, Any, TypedDict

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.core.errors import Json
from chatapp.core.objects import schema_of
from chatapp.core.pagination import MAX_KEY
from chatapp.core.schemas import Choice, Flag, Id, Input, Instant, Whole
from chatapp.representations.chat_state import NOTIFY

MAX_HIDDEN_AT_ONCE = 100


class PatchChatStateSchema(Input):
    """Changes of the caller's own state of a chat; absent fields stay as they are."""

    muted_until = Instant(
        data_key="mutedUntil",
        allow_none=True,
        metadata={
            "description": "Until when the chat is muted: `9999-12-31T23:59:59.999Z` until it is unmuted; null or a time "
            "in the past unmutes it.",
        },
    )
    is_archived = Flag(
        data_key="isArchived", metadata={"description": "True to archive the chat until the next message."}
    )
    is_hidden = Flag(data_key="isHidden", metadata={"description": "True to hide the chat until the next message."})
    pinned = Flag(metadata={"description": "True to pin the chat to the top of the list."})
    notify = Choice(
        "Notify",
        NOTIFY,
        allow_none=True,
        metadata={
            "description": "The messages of the chat that notify the caller; null for their own setting.",
            "example": "mentions",
        },
    )
    is_marked_unread = Flag(
        data_key="isMarkedUnread",
        metadata={"description": "True to mark the last message as unread, false to remove the mark.", "example": True},
    )
    unread_from = Whole(
        data_key="unreadFrom",
        allow_none=True,
        validate=validate.Range(1, MAX_KEY),
        metadata={
            "description": "Marks the messages from this `seq` on as unread: one above `clearedSeq`, and after the caller "
            "joined. Null removes the mark.",
            "example": 15,
        },
    )

    @validates_schema
    def _check(self, body: Json, **_kwargs: Any) -> None:
        if "unread_from" in body and body.get("is_marked_unread", body["unread_from"] is not None) != (
            body["unread_from"] is not None
        ):
            raise ValidationError("Contradicts unreadFrom.", "isMarkedUnread")


class HideMessagesSchema(Input):
    """Messages to delete for the caller alone."""

    message_ids = fields.List(
        Id(metadata={"description": "A message that the caller sees."}),
        data_key="messageIds",
        required=True,
        validate=validate.Length(1, MAX_HIDDEN_AT_ONCE),
        metadata={"description": f"1–{MAX_HIDDEN_AT_ONCE} messages of chats of which the caller is a member."},
    )


class ClearChatSchema(Input):
    """The part of a chat to clear."""

    up_to = Whole(
        data_key="upTo",
        validate=validate.Range(0, MAX_KEY),
        metadata={
            "description": "Clears the messages up to and including this `seq`; omit it for all messages so far.",
            "example": 17,
        },
    )


class HiddenMessages(TypedDict):
    """Messages of a chat that the user deleted for themselves."""

    chatId: Annotated[str, Id(), "The chat."]
    messageIds: Annotated[
        list[str], fields.List(Id(), validate=validate.Length(1, MAX_HIDDEN_AT_ONCE)), "The messages newly hidden."
    ]
    meRev: Annotated[int, Whole(metadata={"example": 8}), "The number of the change, of the user's own `meRev`."]


HiddenMessagesSchema = schema_of(HiddenMessages)
