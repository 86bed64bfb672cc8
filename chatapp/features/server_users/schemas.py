"""Schemas of users for servers."""

from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, schema_of
from chatapp.core.references import ExternalIdField, ReferenceField
from chatapp.core.schemas import Flag, Id, Input, QueryFlag, Text, Timestamp, Whole, absent
from chatapp.features.users.schemas import NamedUserSchema, UserFields
from chatapp.representations.chat import UnreadSums
from chatapp.representations.user import IS_ONLINE, ExternalId

MAX_BATCH = 100
MAX_EXTERNAL_IDS = 20
MAX_LOOKUP = 100
MAX_PRESENCE = 1000
MAX_UNREAD = 100


class BatchSchema(Input):
    """Users of your app, each with its external id."""

    users = fields.List(
        fields.Nested(NamedUserSchema),
        required=True,
        validate=validate.Length(1, MAX_BATCH),
        metadata={"description": "1–100 users with different external ids."},
    )


class PatchUserSchema(UserFields):
    """Changes of a user; absent fields stay as they are."""

    external_id = ExternalIdField(data_key="externalId", allow_none=True)
    is_active = Flag(
        data_key="isActive",
        metadata={"description": "False deactivates the user, true reactivates them.", "example": True},
    )


class LookupSchema(Input):
    """External ids of users."""

    external_ids = fields.List(
        ExternalIdField(),
        data_key="externalIds",
        required=True,
        validate=validate.Length(1, MAX_LOOKUP),
        metadata={"description": "1–100 external ids."},
    )


class UserFilter(Input):
    """Filters of the list of users."""

    external_ids = fields.List(
        ExternalIdField(),
        data_key="externalId",
        load_default=absent,
        validate=validate.Length(1, MAX_EXTERNAL_IDS),
        metadata={
            "description": "Return only users with one of these external ids; repeat it up to 20 times.",
            "example": ["4711"],
        },
    )
    q = Text(
        1,
        50,
        load_default=absent,
        metadata={
            "description": "Text that the username contains, in any case; one or two characters match only its start.",
            "example": "ali",
        },
    )
    is_active = QueryFlag(
        data_key="isActive",
        load_default=absent,
        metadata={"description": "Return only active users, or only deactivated ones.", "example": True},
    )


def _user_ids(limit: int) -> fields.List[Any]:
    return fields.List(
        ReferenceField(),
        data_key="userIds",
        required=True,
        validate=validate.Length(1, limit),
        metadata={"description": f"1–{limit:,} users, each a UUID or `ext:` and an external id."},
    )


class PresenceRequestSchema(Input):
    """Users whose presence is asked for."""

    user_ids = _user_ids(MAX_PRESENCE)


class UnreadRequestSchema(Input):
    """Users whose unread messages are counted."""

    user_ids = _user_ids(MAX_UNREAD)


class BatchMeta(TypedDict):
    """The number of users that a batch created, updated and left unchanged."""

    created: Annotated[int, Whole(metadata={"example": 2}), "The number of users that were created."]
    updated: Annotated[int, Whole(metadata={"example": 1}), "The number of users that were changed."]
    unchanged: Annotated[int, Whole(metadata={"example": 0}), "The number of users that were already as requested."]


class Presence(TypedDict):
    """Whether a user is online."""

    # From a row `u`.
    userId: Annotated[str, Column("u.id"), Id(), "The id of the user."]
    isOnline: Annotated[bool, Column(IS_ONLINE), "True if the user has a connected socket."]
    externalId: NotRequired[ExternalId]
    lastSeen: NotRequired[
        Annotated[
            str,
            Column("wire_time(u.last_seen)"),
            Timestamp(),
            "When the user's last socket closed; absent if there was none.",
        ]
    ]


class Unread(UnreadSums):
    """The unread messages of a user, without chats that are muted, archived or hidden."""

    # From a row `u` and the sums `n` of their chats.
    userId: Annotated[str, Column("u.id"), Id(), "The id of the user."]
    externalId: NotRequired[ExternalId]


BatchMetaSchema = schema_of(BatchMeta)
PresentUserSchema = schema_of(Presence)
UnreadCountsSchema = schema_of(Unread)
