"""Schemas of presence and typing."""

from typing import Annotated, TypedDict

from chatapp.core.objects import schema_of
from chatapp.core.schemas import Id, Input, Timestamp
from chatapp.representations.user import ShownName


class TypingSchema(Input):
    """The chat in which the caller is typing."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat of which the caller is a member."})


class TypingStarted(TypedDict):
    """A user who is typing in a chat."""

    chatId: Annotated[str, Id(), "The chat."]
    userId: Annotated[str, Id(), "The user."]
    username: Annotated[str, ShownName()]


class TypingStopped(TypedDict):
    """A user who stopped typing in a chat."""

    chatId: Annotated[str, Id(), "The chat."]
    userId: Annotated[str, Id(), "The user."]


class UserOnline(TypedDict):
    """A user who came online."""

    userId: Annotated[str, Id(), "The user."]


class UserOffline(TypedDict):
    """A user who went offline."""

    userId: Annotated[str, Id(), "The user."]
    lastSeen: Annotated[str | None, Timestamp(), "When their last socket closed; null if they hide it."]


TypingStartedSchema = schema_of(TypingStarted)
TypingStoppedSchema = schema_of(TypingStopped)
UserOnlineSchema = schema_of(UserOnline)
UserOfflineSchema = schema_of(UserOffline)
