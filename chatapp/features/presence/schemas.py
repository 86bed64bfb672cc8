"""Schemas of presence and typing."""

from chatapp.core.schemas import Id, Input, Output, Timestamp
from chatapp.features.users.schemas import ShownName


class TypingSchema(Input):
    """The chat in which the caller is typing."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat of which the caller is a member."})


class TypingStartedSchema(Output):
    """A user who is typing in a chat."""

    chatId = Id(required=True, metadata={"description": "The chat."})
    userId = Id(required=True, metadata={"description": "The user."})
    username = ShownName()


class TypingStoppedSchema(Output):
    """A user who stopped typing in a chat."""

    chatId = Id(required=True, metadata={"description": "The chat."})
    userId = Id(required=True, metadata={"description": "The user."})


class UserOnlineSchema(Output):
    """A user who came online."""

    userId = Id(required=True, metadata={"description": "The user."})


class UserOfflineSchema(Output):
    """A user who went offline."""

    userId = Id(required=True, metadata={"description": "The user."})
    lastSeen = Timestamp(required=True, metadata={"description": "When their last socket closed."})
