"""The settings of a user."""

from typing import Annotated, TypedDict

from chatapp.core.objects import Column, build_object, schema_of
from chatapp.core.schemas import Choice
from chatapp.representations.chat_state import NOTIFY

LAST_SEEN = ("contacts", "nobody")
DIRECT_FROM = ("everyone", "contacts")
PUSH_CONTENT = ("full", "sender", "none")
DEFAULTS = {
    "notify": "all",
    "readReceipts": True,
    "typing": True,
    "lastSeen": "contacts",
    "directFrom": "everyone",
    "findable": True,
    "forwards": True,
    "pushContent": "full",
}


def _column(name: str) -> Column:
    """A setting of a row `u` of `users`, which has only those that differ from the defaults."""
    default = DEFAULTS[name]
    if isinstance(default, bool):
        return Column(f"coalesce((u.settings ->> '{name}')::boolean, {str(default).lower()})")
    return Column(f"coalesce(u.settings ->> '{name}', '{default}')")


class MySettings(TypedDict):
    """The caller's settings. Contacts are users who share a chat with them."""

    notify: Annotated[
        str,
        _column("notify"),
        Choice("Notify", NOTIFY),
        "The messages that notify the caller, in chats without a `notify` of their own.",
    ]
    readReceipts: Annotated[
        bool,
        _column("readReceipts"),
        "False to send no read receipts to other users; then the caller gets none of others either.",
    ]
    typing: Annotated[bool, _column("typing"), "False to not show others that the caller is typing."]
    lastSeen: Annotated[
        str,
        _column("lastSeen"),
        Choice("LastSeen", LAST_SEEN),
        "`nobody` to hide `isOnline` and `lastSeen` from others; then the caller sees none of others either.",
    ]
    directFrom: Annotated[
        str, _column("directFrom"), Choice("DirectFrom", DIRECT_FROM), "Who can begin a direct chat with the caller."
    ]
    findable: Annotated[
        bool, _column("findable"), "False to be found by name only by users who share a chat with the caller."
    ]
    forwards: Annotated[
        bool, _column("forwards"), "False to not be named as the author of messages that others forward."
    ]
    pushContent: Annotated[
        str,
        _column("pushContent"),
        Choice("PushContent", PUSH_CONTENT),
        "The content of push notifications: the message, only its sender, or neither.",
    ]
    meRev: Annotated[int, Column("u.settings_rev"), "The number of their last change, of the user's own `meRev`."]


MySettingsSchema = schema_of(MySettings)
MY_SETTINGS = build_object(MySettings)
