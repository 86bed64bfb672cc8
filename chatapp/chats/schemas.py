"""The shapes of chats, of their members, and of the messages in them."""

from typing import Any

from marshmallow import fields, validate

from chatapp.core.errors import Json
from chatapp.core.schemas import Choice, Flag, Id, Input, Output, Text, Timestamp, Whole
from chatapp.users.schemas import Avatar, ShownAvatar, ShownName, UserSchema

CHAT_TYPES = ("DIRECT", "GROUP")
MEMBER_ROLES = ("MEMBER", "ADMIN")
MESSAGE_TYPES = ("TEXT", "IMAGE", "FILE")
STATUSES = ("SENT", "DELIVERED", "READ")
MOST_INVITED = 200
# Those that a chat comes with; `GET /chats/:id/members` has all.
MAX_MEMBERS = 100


class SenderSchema(Output):
    """Who wrote a message."""

    id = Id(required=True, metadata={"description": "Of the person; the same as `senderId`."})
    username = ShownName()
    avatar = ShownAvatar()


class MessageEventSchema(Output):
    """A message, the same for everybody who reads it."""

    id = Id(required=True, metadata={"description": "Of the message; ids sort by time."})
    chatId = Id(required=True, metadata={"description": "The chat that it stands in."})
    seq = Whole(required=True, metadata={"description": "The message's number in its chat: 1, 2, 3 … without gaps."})
    rev = Whole(required=True, metadata={"description": "The chat's change number when this message last changed."})
    senderId = Id(required=True, metadata={"description": "Who wrote it."})
    sender = fields.Nested(SenderSchema, required=True, metadata={"description": "Who wrote it, to be shown."})
    content = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=4000),
        metadata={"description": "Null once deleted.", "example": "Hi!"},
    )
    type = Choice("MessageType", MESSAGE_TYPES, required=True, metadata={"description": "By what its file is."})
    fileUrl = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=2048),
        metadata={"description": "Where its file is: signed, and expires."},
    )
    fileName = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=255),
        metadata={"description": "What its sender called the file."},
    )
    fileSize = Whole(required=True, allow_none=True, metadata={"description": "Bytes of its file."})
    thumbnailUrl = fields.String(
        required=True,
        allow_none=True,
        validate=validate.Length(max=2048),
        metadata={"description": "A small copy of it; null unless IMAGE."},
    )
    width = Whole(required=True, allow_none=True, metadata={"description": "Pixels; null unless IMAGE."})
    height = Whole(required=True, allow_none=True, metadata={"description": "Pixels; null unless IMAGE."})
    clientId = Id(
        required=True, allow_none=True, metadata={"description": "What its sender gave, to know it again; or null."}
    )
    isEdited = fields.Boolean(
        required=True, metadata={"description": "Whether it says something else than it first did."}
    )
    isDeleted = fields.Boolean(required=True, metadata={"description": "What is left of it is a tombstone."})
    createdAt = Timestamp(required=True, metadata={"description": "When it was stored."})
    editedAt = Timestamp(
        required=True, allow_none=True, metadata={"description": "When it was last edited, or null.", "example": None}
    )


class MessageSchema(MessageEventSchema):
    """A message, as the caller sees it."""

    status = Choice(
        "DeliveryStatus",
        STATUSES,
        required=True,
        metadata={
            "description": "On a message that the caller sent: the lowest among the other members who were in the chat "
            "when it was sent (READ when there are none; SENT in the answer to sending it). On any other: the caller's "
            "own."
        },
    )


class MemberSchema(Output):
    """A person in a chat."""

    userId = Id(required=True, metadata={"description": "Of the person."})
    role = Choice("MemberRole", MEMBER_ROLES, required=True, metadata={"description": "What they may do in this chat."})
    joinedAt = Timestamp(required=True, metadata={"description": "When they came in."})
    user = fields.Nested(UserSchema, required=True, metadata={"description": "The person."})


class _ChatFields(Output):
    id = Id(required=True, metadata={"description": "Of the chat."})
    type = Choice("ChatType", CHAT_TYPES, required=True, metadata={"description": "Of two people, or a group."})
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
        metadata={"description": "What a group is about, or null."},
    )
    avatar = ShownAvatar()
    createdAt = Timestamp(required=True, metadata={"description": "When it was made."})
    updatedAt = Timestamp(required=True, metadata={"description": "When it last changed or got a message."})
    memberCount = Whole(required=True, metadata={"description": "How many people are in it.", "example": 2})
    lastSeq = Whole(required=True, metadata={"description": "The number of its newest message; 0 when there is none."})
    lastRev = Whole(required=True, metadata={"description": "The number of its newest change of any kind."})


class FirstMembers(fields.List[Json]):
    """The members that a chat comes with."""

    def __init__(self) -> None:
        super().__init__(
            fields.Nested(MemberSchema),
            required=True,
            validate=validate.Length(max=MAX_MEMBERS),
            metadata={"description": "The first 100 by time of joining; `GET /chats/{chatId}/members` lists all."},
        )


class ChatEventSchema(_ChatFields):
    """A chat, the same for each of its members."""

    lastMessage = fields.Nested(
        MessageEventSchema, required=True, allow_none=True, metadata={"description": "Its newest message, or null."}
    )


class NewChatEventSchema(ChatEventSchema):
    """A chat with its first members, the same for each of them."""

    members = FirstMembers()


class ChatSchema(_ChatFields):
    """A chat, as the caller sees it."""

    unreadCount = Whole(required=True, metadata={"description": "`lastSeq` minus the caller's read position."})
    lastMessage = fields.Nested(
        MessageSchema, required=True, allow_none=True, metadata={"description": "Its newest message, or null."}
    )
    peer = fields.Nested(
        UserSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The other person of a direct chat; null for a group."},
    )


class ChatDetailSchema(ChatSchema):
    """A chat, as the caller sees it, with its first members."""

    members = FirstMembers()


class NewDirectChatSchema(Input):
    """Whom to talk to."""

    user_id = Id(data_key="userId", required=True, metadata={"description": "Somebody else."})


class GroupName(Text):
    """1–100 characters after trimming."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, 100, metadata={"description": "1–100 characters.", "example": "Friends"}, **kwargs)


class GroupDescription(Text):
    """Up to 500 characters after trimming, or null."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"description": "Up to 500 characters; null for none.", "example": "Who we are, and when we meet."}
        super().__init__(longest=500, allow_none=True, metadata=metadata, **kwargs)


class NewGroupSchema(Input):
    """A new group."""

    name = GroupName(required=True)
    description = GroupDescription(load_default=None)
    avatar = Avatar(load_default=None)
    member_ids = fields.List(
        Id(metadata={"description": "A person."}),
        data_key="memberIds",
        load_default=[],
        validate=validate.Length(max=MOST_INVITED),
        metadata={"description": "Up to 200 people who are in it from the start, beside the caller."},
    )


class PatchChatSchema(Input):
    """What changes about a group; absent fields stay as they are."""

    name = GroupName()
    description = GroupDescription()
    avatar = Avatar()


class NewMemberSchema(Input):
    """Whom to add."""

    user_id = Id(data_key="userId", required=True, metadata={"description": "Somebody who is not in the group."})


class NewRoleSchema(Input):
    """What a member becomes."""

    role = Choice(
        "MemberRole",
        MEMBER_ROLES,
        required=True,
        metadata={"description": "An ADMIN may change the group and who is in it.", "example": "ADMIN"},
    )


class ChatDeletedSchema(Output):
    """A chat is gone."""

    chatId = Id(required=True, metadata={"description": "Which chat."})


class ChatMemberSchema(Output):
    """A member of a chat is new or changed."""

    chatId = Id(required=True, metadata={"description": "Which chat."})
    member = fields.Nested(MemberSchema, required=True, metadata={"description": "As they are in it now."})


class MemberLeftSchema(Output):
    """Somebody is no longer in a chat."""

    chatId = Id(required=True, metadata={"description": "Which chat."})
    userId = Id(required=True, metadata={"description": "Who."})


class ResyncSchema(Output):
    """Chats of which a socket may have missed events."""

    chatIds = fields.List(
        Id(), required=True, validate=validate.Length(max=100), metadata={"description": "The chats, up to 100."}
    )
    all = Flag(required=True, metadata={"description": "True: `sync` all chats, not only those named."})
