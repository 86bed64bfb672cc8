"""What a member alone sees of a chat."""

from typing import Annotated, NotRequired, TypedDict

from chatapp.core.objects import Column, build_object, schema_of
from chatapp.core.schemas import Choice, Id, Timestamp, Whole

NOTIFY = ("all", "mentions", "none")
# Of a chat `c` and its member `me`: these positions need no change when a message arrives or a mute ends.
IS_MUTED = "coalesce(me.muted_until > now(), false)"
IS_ARCHIVED = f"coalesce(me.archived_seq = c.last_seq OR me.archived_seq IS NOT NULL AND {IS_MUTED}, false)"
IS_HIDDEN = "coalesce(me.hidden_seq = c.last_seq, false)"
# Messages up to here are read, unless they are marked as unread.
READ_POSITION = "least(me.read_seq, me.unread_from - 1)"
# Messages up to here were cleared.
CLEARED = "coalesce(me.first_seq, 0)"


def _position(sql: str) -> Column:
    return Column(sql, keeps_zero=True)


class ChatState(TypedDict):
    """The caller's own state of a chat, which no other user sees. Fields are absent while they are not set."""

    chatId: Annotated[str, Column("me.chat_id"), Id(), "The chat."]
    meRev: Annotated[
        int, Column("me.me_rev"), "The number of the last change of this state, of the user's own `meRev`."
    ]
    mutedUntil: NotRequired[
        Annotated[
            str,
            Column(f"CASE WHEN {IS_MUTED} THEN wire_time(me.muted_until) END"),
            Timestamp(),
            "The end of the mute; `9999-12-31T23:59:59.999Z` means until the user unmutes the chat.",
        ]
    ]
    isArchived: NotRequired[
        Annotated[
            bool,
            Column(IS_ARCHIVED),
            "True while `archivedSeq` is set and is the `lastSeq` of the chat, or the chat is muted.",
        ]
    ]
    archivedSeq: NotRequired[
        Annotated[
            int, _position("me.archived_seq"), Whole(metadata={"example": 17}), "The `lastSeq` when it was archived."
        ]
    ]
    isHidden: NotRequired[
        Annotated[bool, Column(IS_HIDDEN), "True while `hiddenSeq` is set and is the `lastSeq` of the chat."]
    ]
    hiddenSeq: NotRequired[
        Annotated[int, _position("me.hidden_seq"), Whole(metadata={"example": 17}), "The `lastSeq` when it was hidden."]
    ]
    pinnedAt: NotRequired[
        Annotated[
            str,
            Column("wire_time(me.pinned_at)"),
            Timestamp(),
            "When the caller pinned the chat to the top of the list.",
        ]
    ]
    isMarkedUnread: NotRequired[
        Annotated[bool, Column("me.marked_seq IS NOT NULL"), "True while the chat is marked as unread."]
    ]
    unreadFrom: NotRequired[
        Annotated[
            int,
            _position("me.unread_from"),
            Whole(metadata={"example": 15}),
            "The first message that is marked as unread.",
        ]
    ]
    markedSeq: NotRequired[
        Annotated[
            int,
            _position("me.marked_seq"),
            Whole(metadata={"example": 17}),
            "The `lastSeq` when it was marked. A later message of the caller removes the mark.",
        ]
    ]
    notify: NotRequired[
        Annotated[
            str,
            Column("me.notify"),
            Choice("Notify", NOTIFY),
            "The messages of the chat that notify the caller; absent: their own setting applies.",
        ]
    ]
    clearedSeq: NotRequired[
        Annotated[
            int,
            _position("me.first_seq"),
            Whole(metadata={"example": 3}),
            "Messages up to this `seq` were deleted for the caller.",
        ]
    ]


ChatStateSchema = schema_of(ChatState)
CHAT_STATE = build_object(ChatState)
