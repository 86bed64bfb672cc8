"""Schemas of the chats' endpoints and events."""

from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.core.errors import Json
from chatapp.core.objects import schema_of
from chatapp.core.schemas import Choice, Data, Id, Input, QueryFlag, Text, absent
from chatapp.features.users.schemas import Avatar
from chatapp.representations.member import MEMBER_ROLES, Member

MAX_INVITED = 200
MAX_DATA_BYTES = 8 * 1024


def _filter(what: str, **kwargs: Any) -> QueryFlag:
    metadata = {"description": f"`true` for chats that the caller {what}, `false` for the others; omit it for both."}
    return QueryFlag(load_default=absent, metadata={"example": False} | metadata | kwargs)


class ChatFilters(Input):
    """By the caller's own state of the chats."""

    archived = _filter("archived")
    hidden = _filter("hid", description="`true` for chats that the caller hid, otherwise the others.")
    pinned = _filter("pinned")
    muted = _filter("muted")

    @validates_schema
    def _check(self, query: Json, **_kwargs: Any) -> None:
        if query.get("cursor") and query["cursor"][-1] != filters_in_words(query):
            raise ValidationError("Not a cursor of this list.", "cursor")


def filters_in_words(query: Json) -> str:
    """The filters of the list of chats, as part of its cursors; "" without any."""
    given = {name: query.get(name) for name in ("archived", "pinned", "muted")} | {
        "hidden": query.get("hidden") or None
    }
    return " ".join(f"{name}={value}" for name, value in given.items() if value is not None)


class NewDirectChatSchema(Input):
    """The other user of a direct chat."""

    user_id = Id(data_key="userId", required=True, metadata={"description": "The other user."})


class GroupName(Text):
    """1–100 characters after trimming."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, 100, metadata={"description": "1–100 characters.", "example": "Friends"}, **kwargs)


class GroupDescription(Text):
    """Up to 500 characters after trimming, or null."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"description": "Up to 500 characters; null for none.", "example": "Who we are, and when we meet."}
        super().__init__(max_length=500, allow_none=True, metadata=metadata, **kwargs)


class NewGroupSchema(Input):
    """A new group."""

    name = GroupName(required=True)
    description = GroupDescription(load_default=None)
    avatar = Avatar(load_default=None)
    member_ids = fields.List(
        Id(metadata={"description": "The id of a user."}),
        data_key="memberIds",
        load_default=[],
        validate=validate.Length(max=MAX_INVITED),
        metadata={"description": "Up to 200 users to add beside the caller."},
    )
    data = Data(MAX_DATA_BYTES)


class PatchChatSchema(Input):
    """Changes of a group; absent fields stay as they are."""

    name = GroupName()
    description = GroupDescription()
    avatar = Avatar()
    data = Data(MAX_DATA_BYTES)


class NewMemberSchema(Input):
    """The user to add."""

    user_id = Id(data_key="userId", required=True, metadata={"description": "A user who is not a member."})


class NewRoleSchema(Input):
    """The new role of a member."""

    role = Choice(
        "MemberRole",
        MEMBER_ROLES,
        required=True,
        metadata={"description": "An ADMIN can change the group and its members.", "example": "ADMIN"},
    )


class ChatDeleted(TypedDict):
    """The chat that was deleted."""

    chatId: Annotated[str, Id(), "The chat."]


class ChatMember(TypedDict):
    """A member who joined or whose role changed."""

    chatId: Annotated[str, Id(), "The chat."]
    member: Annotated[Member, "The member after the change."]
    rev: Annotated[int, "The change number of the change."]


class MemberLeft(TypedDict):
    """The user who left a chat or was removed."""

    chatId: Annotated[str, Id(), "The chat."]
    userId: Annotated[str, Id(), "The user."]
    rev: Annotated[int, "The change number of the change."]


class Resync(TypedDict):
    """The chats for which the socket may have missed events."""

    chatIds: Annotated[list[str], fields.List(Id(), validate=validate.Length(max=100)), "Up to 100 chats."]
    all: Annotated[bool, "True to `sync` all chats, not only the listed ones."]
    me: NotRequired[Annotated[bool, "True to `sync` with `me`; absent otherwise."]]


ChatDeletedSchema = schema_of(ChatDeleted)
ChatMemberSchema = schema_of(ChatMember)
MemberLeftSchema = schema_of(MemberLeft)
ResyncSchema = schema_of(Resync)
