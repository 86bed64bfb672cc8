"""Schemas of the own state in `sync`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields
from orjson import Fragment

from chatapp.core.objects import schema_of
from chatapp.core.schemas import Id, Whole
from chatapp.representations.chat_state import ChatStateSchema
from chatapp.representations.draft import DraftSchema
from chatapp.representations.my_settings import MySettingsSchema

MAX_OWN_CHANGES = 500


class OwnChanges(TypedDict):
    """The changes of the caller's own state since the `meRev` of the request. Apply `reset` first."""

    rev: Annotated[int, "The `meRev` to continue from."]
    # Objects stay as the database encoded them.
    reset: NotRequired[
        Annotated[
            list[str],
            fields.List(Id()),
            "Chats that the caller left since, and perhaps joined again: discard all own state of them.",
        ]
    ]
    chats: NotRequired[
        Annotated[Sequence[Fragment], fields.List(fields.Nested(ChatStateSchema)), "The changed states of chats."]
    ]
    drafts: NotRequired[Annotated[Sequence[Fragment], fields.List(fields.Nested(DraftSchema)), "The changed drafts."]]
    draftsGone: NotRequired[Annotated[list[str], fields.List(Id()), "The chats of which the draft was deleted."]]
    hidden: NotRequired[
        Annotated[
            Mapping[str, Sequence[str]],
            fields.Dict(keys=Id(), values=fields.List(Id())),
            "By chat, the ids of messages that the caller deleted for themselves.",
        ]
    ]
    settings: NotRequired[Annotated[Fragment, fields.Nested(MySettingsSchema), "The settings, if they changed."]]
    blocked: NotRequired[
        Annotated[
            list[str],
            fields.List(Id()),
            "All users whom the caller blocks, if the list changed; `[]` if there are none left.",
        ]
    ]
    mentions: NotRequired[
        Annotated[
            Mapping[str, int],
            fields.Dict(keys=Id(), values=Whole()),
            "The `mentionCount` of all chats that have one, in the last part only.",
        ]
    ]
    more: NotRequired[Annotated[bool, "True if there is more: call again with `me` set to `rev`. Absent otherwise."]]


OwnChangesSchema = schema_of(OwnChanges)
