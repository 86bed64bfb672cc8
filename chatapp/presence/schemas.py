"""The shapes of presence and typing."""

from chatapp.core.schemas import Id, Input, Output, Timestamp
from chatapp.users.schemas import ShownName


class TypingSchema(Input):
    """Where somebody types."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat that the caller is in."})


class TypingStartedSchema(Output):
    """Somebody is typing."""

    chatId = Id(required=True, metadata={"description": "Where."})
    userId = Id(required=True, metadata={"description": "Who."})
    username = ShownName()


class TypingStoppedSchema(Output):
    """Somebody is no longer typing."""

    chatId = Id(required=True, metadata={"description": "Where."})
    userId = Id(required=True, metadata={"description": "Who."})


class UserOnlineSchema(Output):
    """Somebody has a live socket now."""

    userId = Id(required=True, metadata={"description": "Who."})


class UserOfflineSchema(Output):
    """Somebody's last socket is closed."""

    userId = Id(required=True, metadata={"description": "Who."})
    lastSeen = Timestamp(required=True, metadata={"description": "When it closed."})
