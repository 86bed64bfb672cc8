"""Schemas of the endpoints of chats and messages for servers."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.core.pagination import list_query
from chatapp.core.references import ExternalIdField, ReferenceField
from chatapp.core.schemas import Choice, Data, Flag, Input, Instant, absent
from chatapp.features.chats.changes import MAX_GROUP_MEMBERS
from chatapp.features.chats.schemas import MAX_DATA_BYTES, MAX_INVITED, GroupDescription, GroupName
from chatapp.features.messages.schemas import HistoryFields, MessageFields
from chatapp.features.users.schemas import Avatar
from chatapp.models.enums import MemberRole, MessageType
from chatapp.representations.chat import ANNOUNCEMENTS
from chatapp.representations.member import MEMBER_ROLES

MAX_SYSTEM_BYTES = 2 * 1024
MAX_EVENT = 64


def _users(limit: int, description: str, **kwargs: Any) -> fields.List[Any]:
    """References to users."""
    return fields.List(
        ReferenceField(), validate=validate.Length(max=limit), metadata={"description": description}, **kwargs
    )


class _ChatFields(Input):
    name = GroupName()
    description = GroupDescription()
    avatar = Avatar()
    data = Data(MAX_DATA_BYTES)
    announces = fields.List(
        Choice("Announcement", ANNOUNCEMENTS),
        allow_none=True,
        validate=validate.Length(max=len(ANNOUNCEMENTS)),
        metadata={
            "description": "The changes for which the server posts a system message, in the transaction of the change; "
            "null or empty for none.",
            "example": ["joined", "left"],
        },
    )


class PutChatSchema(_ChatFields):
    """A group, and its members; absent fields stay as they are."""

    member_ids = _users(
        MAX_GROUP_MEMBERS, "Users to add unless they are members; these keep their role.", data_key="memberIds"
    )
    admin_ids = _users(MAX_GROUP_MEMBERS, "Users who are added as, or become, ADMINs.", data_key="adminIds")
    exactly = Flag(
        load_default=False,
        metadata={"description": "True to remove all members that the request does not name.", "example": False},
    )


class PatchServerChatSchema(_ChatFields):
    """Changes of a chat; absent fields stay as they are."""

    external_id = ExternalIdField(data_key="externalId", allow_none=True)


class DirectChatSchema(Input):
    """The users of a direct chat."""

    user_ids = fields.List(
        ReferenceField(),
        data_key="userIds",
        required=True,
        validate=validate.Length(equal=2),
        metadata={"description": "Two users.", "example": ["ext:4711", "ext:4712"]},
    )
    data = Data(MAX_DATA_BYTES)


class AddMembersSchema(Input):
    """Users to add to a group."""

    user_ids = fields.List(
        ReferenceField(),
        data_key="userIds",
        required=True,
        validate=validate.Length(1, MAX_INVITED),
        metadata={"description": f"1–{MAX_INVITED} users. Those who are members keep their role."},
    )
    role = Choice(
        "MemberRole",
        MEMBER_ROLES,
        load_default=MemberRole.MEMBER.value,
        metadata={"description": "The role of the added members.", "example": "MEMBER"},
    )


class ListChatsQuery(list_query()):  # type: ignore[misc]
    """Page of all chats, or of those of a user."""

    user = ReferenceField(load_default=absent, metadata={"description": "Return only chats of this user."})
    updated_after = Instant(
        data_key="updatedAfter",
        load_default=absent,
        metadata={"description": "Return only chats that changed or received a message after this time."},
    )


class ServerHistoryQuery(HistoryFields, list_query()):  # type: ignore[misc]
    """Page of a chat's messages."""


class System(Data):
    """The event that a system message reports."""

    def __init__(self) -> None:
        description = (
            f"Only without `senderId`: an object of up to {MAX_SYSTEM_BYTES:,} bytes as compact JSON whose `event` (1–"
            f"{MAX_EVENT} characters) says what happened. If omitted: `event` is `message`."
        )
        metadata = {"description": description, "example": {"event": "order.shipped", "orderId": 4711}}
        super().__init__(MAX_SYSTEM_BYTES, metadata=metadata)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        system = super()._deserialize(value, attr, data, **kwargs)
        event = system.get("event") if system else None
        if not isinstance(event, str) or not 0 < len(event) <= MAX_EVENT:
            raise ValidationError(f"Needs an event of 1–{MAX_EVENT} characters.")
        return system


class ServerMessageSchema(MessageFields):
    """A message of a user, or a system message."""

    sender_id = ReferenceField(
        data_key="senderId",
        load_default=None,
        allow_none=True,
        metadata={"description": "The member who sends the message; null for a system message."},
    )
    system = System()
    silent = Flag(
        load_default=False,
        metadata={"description": "True to send no push notification.", "example": False},
    )

    @validates_schema
    def _check(self, body: Any, **_kwargs: Any) -> None:
        if body.get("sender_id"):
            if body.get("system") is not None:
                raise ValidationError("Only a message without senderId has it.", "system")
        elif body.get("file_url"):
            raise ValidationError("A system message has no file.", "fileUrl")
        elif body["type"] != MessageType.TEXT:
            raise ValidationError("Only a message with senderId has another type.", "type")
        elif not body["content"]:
            raise ValidationError("Must have 1–4000 characters after trimming.", "content")
        else:
            self._refuse_extras(body)

    def _refuse_extras(self, body: Any) -> None:
        extras = {"reply_to_id": "replyToId", "mentions": "mentions", "metadata": "metadata", "format": "format"}
        if used := [name for field, name in extras.items() if body.get(field) is not None]:
            raise ValidationError("Only a message with senderId has it.", used[0])
