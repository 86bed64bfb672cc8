"""Schemas of chats, members and messages."""

from typing import Any

from marshmallow import fields, validate

from chatapp.core.errors import Json
from chatapp.core.schemas import Choice, Flag, Id, Input, Output, Text, Timestamp, Whole
from chatapp.features.users.schemas import Avatar, ShownAvatar, ShownName, UserSchema
from chatapp.models.enums import ChatType, DeliveryStatus, MemberRole, MessageType

CHAT_TYPES = tuple(kind.value for kind in ChatType)
MEMBER_ROLES = tuple(role.value for role in MemberRole)
MESSAGE_TYPES = tuple(kind.value for kind in MessageType)
STATUSES = tuple(status.value for status in DeliveryStatus)
MAX_INVITED = 200
# Members in a chat object; `GET /chats/:id/members` lists all.
MAX_MEMBERS = 100


class SenderSchema(Output):
    """The sender of a message."""

    id = Id(required=True, metadata={"description": "The id of the user; the same as `senderId`."})
    username = ShownName()
    avatar = ShownAvatar()


class MessageEventSchema(Output):
    """A message, identical for all members."""

    id = Id(required=True, metadata={"description": "The id of the message; ids sort by time."})
    chatId = Id(required=True, metadata={"description": "The chat of the message."})
    seq = Whole(
        required=True, metadata={"description": "The number of the message in its chat: 1, 2, 3, … without gaps."}
    )
    rev = Whole(
        required=True, metadata={"description": "The change number of the chat at the last change of this message."}
    )
    senderId = Id(required=True, metadata={"description": "The id of the sender."})
    sender = fields.Nested(SenderSchema, required=True, metadata={"description": "The sender, for display."})
    content = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=4000),
        metadata={"description": "The text; null after deletion.", "example": "Hi!"},
    )
    type = Choice(
        "MessageType",
        MESSAGE_TYPES,
        required=True,
        metadata={"description": "TEXT without a file; IMAGE or FILE by the content of the file."},
    )
    fileUrl = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=2048),
        metadata={"description": "Signed URL of the file, which expires; null without a file."},
    )
    fileName = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=255),
        metadata={"description": "The name that the sender gave the file; null without a file."},
    )
    fileSize = Whole(
        required=True, allow_none=True, metadata={"description": "Size of the file in bytes; null without a file."}
    )
    thumbnailUrl = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=2048),
        metadata={"description": "Signed URL of a thumbnail; null unless the type is IMAGE."},
    )
    width = Whole(
        required=True, allow_none=True, metadata={"description": "Width in pixels; null unless the type is IMAGE."}
    )
    height = Whole(
        required=True, allow_none=True, metadata={"description": "Height in pixels; null unless the type is IMAGE."}
    )
    clientId = Id(
        required=True, allow_none=True, metadata={"description": "The `clientId` that the sender chose, or null."}
    )
    isEdited = fields.Boolean(required=True, metadata={"description": "True if the message was edited."})
    isDeleted = fields.Boolean(required=True, metadata={"description": "True if the message was deleted."})
    createdAt = Timestamp(required=True, metadata={"description": "When the message was stored."})
    editedAt = Timestamp(
        required=True,
        allow_none=True,
        metadata={"description": "When the message was last edited, or null.", "example": None},
    )


class MessageSchema(MessageEventSchema):
    """A message with its delivery status for the caller."""

    status = Choice(
        "DeliveryStatus",
        STATUSES,
        required=True,
        metadata={
            "description": "For a message that the caller sent: the lowest status among the other users who were members when "
            "it was sent (READ if there are none; SENT in the response to sending it). For other messages: the caller's "
            "own status."
        },
    )


class MemberSchema(Output):
    """A member of a chat."""

    userId = Id(required=True, metadata={"description": "The id of the user."})
    role = Choice(
        "MemberRole", MEMBER_ROLES, required=True, metadata={"description": "The role of the member in this chat."}
    )
    joinedAt = Timestamp(required=True, metadata={"description": "When the member joined."})
    user = fields.Nested(UserSchema, required=True, metadata={"description": "The user."})


class _ChatFields(Output):
    id = Id(required=True, metadata={"description": "The id of the chat."})
    type = Choice(
        "ChatType", CHAT_TYPES, required=True, metadata={"description": "A direct chat of two users, or a group."}
    )
    name = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=100),
        metadata={"description": "Null for a direct chat."},
    )
    description = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=500),
        metadata={"description": "The description of a group, or null."},
    )
    avatar = ShownAvatar()
    createdAt = Timestamp(required=True, metadata={"description": "When the chat was created."})
    updatedAt = Timestamp(required=True, metadata={"description": "When the chat last changed or received a message."})
    memberCount = Whole(required=True, metadata={"description": "The number of members.", "example": 2})
    lastSeq = Whole(required=True, metadata={"description": "The `seq` of the latest message; 0 if there is none."})
    lastRev = Whole(required=True, metadata={"description": "The `rev` of the latest change of any kind."})


class FirstMembers(fields.List[Json]):
    """The first members of a chat, as a part of the chat object."""

    def __init__(self) -> None:
        super().__init__(
            fields.Nested(MemberSchema),
            required=True,
            validate=validate.Length(max=MAX_MEMBERS),
            metadata={
                "description": "The first 100 members by time of joining; `GET /chats/{chatId}/members` lists all."
            },
        )


class ChatEventSchema(_ChatFields):
    """A chat, identical for all members."""

    lastMessage = fields.Nested(
        MessageEventSchema, required=True, allow_none=True, metadata={"description": "The latest message, or null."}
    )


class NewChatEventSchema(ChatEventSchema):
    """A chat with its first members, identical for all members."""

    members = FirstMembers()


class ChatSchema(_ChatFields):
    """A chat, as the caller sees it."""

    unreadCount = Whole(
        required=True,
        metadata={"description": "The number of unread messages: `lastSeq` minus the caller's read position."},
    )
    lastMessage = fields.Nested(
        MessageSchema, required=True, allow_none=True, metadata={"description": "The latest message, or null."}
    )
    peer = fields.Nested(
        UserSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The other user of a direct chat; null for a group."},
    )


class ChatDetailSchema(ChatSchema):
    """A chat, as the caller sees it, with its first 100 members."""

    members = FirstMembers()


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


class PatchChatSchema(Input):
    """Changes of a group; absent fields stay as they are."""

    name = GroupName()
    description = GroupDescription()
    avatar = Avatar()


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


class ChatDeletedSchema(Output):
    """The chat that was deleted."""

    chatId = Id(required=True, metadata={"description": "The chat."})


class ChatMemberSchema(Output):
    """A member who joined or whose role changed."""

    chatId = Id(required=True, metadata={"description": "The chat."})
    member = fields.Nested(MemberSchema, required=True, metadata={"description": "The member after the change."})


class MemberLeftSchema(Output):
    """The user who left a chat or was removed."""

    chatId = Id(required=True, metadata={"description": "The chat."})
    userId = Id(required=True, metadata={"description": "The user."})


class ResyncSchema(Output):
    """The chats for which the socket may have missed events."""

    chatIds = fields.List(
        Id(), required=True, validate=validate.Length(max=100), metadata={"description": "Up to 100 chats."}
    )
    all = Flag(required=True, metadata={"description": "True to `sync` all chats, not only the listed ones."})
