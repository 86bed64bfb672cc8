"""Schemas of settings."""

from chatapp.core.schemas import Choice, Flag, Input
from chatapp.representations.chat_state import NOTIFY
from chatapp.representations.my_settings import DIRECT_FROM, LAST_SEEN, PUSH_CONTENT


class PatchSettingsSchema(Input):
    """Changes of the caller's settings; absent fields stay as they are."""

    notify = Choice(
        "Notify",
        NOTIFY,
        metadata={"description": "The messages that notify the caller, in chats without a `notify` of their own."},
    )
    readReceipts = Flag(
        metadata={
            "description": "False to send no read receipts to other users; then the caller gets none of others either.",
            "example": False,
        }
    )
    typing = Flag(metadata={"description": "False to not show others that the caller is typing."})
    lastSeen = Choice(
        "LastSeen",
        LAST_SEEN,
        metadata={
            "description": "Who sees whether the caller is online, and when they last were. With `nobody` the caller does not "
            "see it of others either.",
            "example": "nobody",
        },
    )
    directFrom = Choice(
        "DirectFrom", DIRECT_FROM, metadata={"description": "Who can open a direct chat with the caller."}
    )
    findable = Flag(
        metadata={"description": "False to be found by name only by users who share a chat with the caller."}
    )
    forwards = Flag(
        metadata={"description": "False to not be named as the author of messages that others forward from now on."}
    )
    pushContent = Choice(
        "PushContent",
        PUSH_CONTENT,
        metadata={"description": "The content of push notifications: the message, only its sender, or neither."},
    )
