"""Users and the caller's own account."""

from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, build_object, encode_object, schema_of
from chatapp.core.schemas import Choice, Id, Timestamp
from chatapp.models.enums import UserRole
from chatapp.representations.privacy import HIDES_PRESENCE, sees_presence, shares_chat

ROLES = tuple(role.value for role in UserRole)
# Whatever the settings.
IS_ONLINE = """EXISTS (
        SELECT FROM presence p JOIN workers w ON w.id = p.worker_id AND w.expires_at > now() WHERE p.user_id = u.id
    )"""
# Without a reader: no user sees the presence of those who hide it.
_SHOWS_ONLINE = f"NOT {HIDES_PRESENCE} AND {IS_ONLINE}"
_SHOWN_LAST_SEEN = f"CASE WHEN NOT {HIDES_PRESENCE} THEN wire_time(u.last_seen) END"


# Bytes of `data` and `privateData`.
MAX_USER_DATA = 4096


class ShownName(fields.String):
    """A username in a response."""

    def __init__(self) -> None:
        super().__init__(
            validate=validate.Length(max=20),
            metadata={"description": "Unique regardless of case.", "example": "alice"},
        )


class ShownAvatar(fields.String):
    """The picture of a user or a group in a response."""

    def __init__(self) -> None:
        super().__init__(
            validate=validate.Length(max=2048),
            metadata={
                "description": "The picture: the http(s) URL of one on another server, or the path of an uploaded one on "
                "this server (`/avatars/…`); null for none.",
                "example": "/avatars/0123456789abcdef0123456789abcdef.webp",
            },
        )


class ShownData(fields.Dict):
    """What the app of the operator keeps with an object, in a response."""

    def __init__(self, max_bytes: int) -> None:
        metadata = {
            "description": f"Data of your app, up to {max_bytes:,} bytes as JSON; absent if empty.",
            "x-max-bytes": max_bytes,
            "example": {"team": 7},
        }
        super().__init__(keys=fields.String(), metadata=metadata)


ExternalId = Annotated[
    str,
    Column("u.external_id"),
    fields.String(
        validate=validate.Length(max=128),
        metadata={
            "description": "The id of the user in your app; absent if there is none. With `EXTERNAL_IDS=private` only "
            "API keys and the user see it.",
            "example": "4711",
        },
    ),
]
DisplayName = Annotated[
    str,
    Column("u.display_name"),
    fields.String(
        validate=validate.Length(max=80),
        metadata={
            "description": "The name to show; absent if there is none: show `username`.",
            "example": "Alice Liddell",
        },
    ),
]
IsBot = Annotated[bool, Column("u.is_bot"), "True for a bot; absent otherwise."]
IsDeleted = Annotated[bool, Column("u.deleted_at IS NOT NULL"), "True for an erased account; absent otherwise."]


class User(TypedDict):
    """A user, as other users see them."""

    # From a row `u`, for themselves or a reader who shares a chat with them.
    id: Annotated[str, Column("u.id"), Id(), "The id of the user; it never changes."]
    username: Annotated[str, Column("u.username"), ShownName()]
    avatar: Annotated[str | None, Column("u.avatar"), ShownAvatar()]
    isOnline: Annotated[
        bool,
        Column(_SHOWS_ONLINE),
        "True if the user has a connected socket. Only shown to the user and to users who share a chat "
        "with them, unless one of the two hides `lastSeen` or blocks the other; otherwise, and in events, false.",
    ]
    lastSeen: Annotated[
        str | None,
        Column(_SHOWN_LAST_SEEN),
        Timestamp(),
        "When the user's last socket closed, or null. Only shown to the user and to users who share a chat "
        "with them, unless one of the two hides `lastSeen` or blocks the other; otherwise, and in events, null.",
    ]
    createdAt: Annotated[str, Column("wire_time(u.created_at)"), Timestamp(), "When the account was registered."]
    displayName: NotRequired[DisplayName]
    externalId: NotRequired[ExternalId]
    data: NotRequired[Annotated[dict[str, Any], Column("u.data"), ShownData(MAX_USER_DATA)]]
    isBot: NotRequired[IsBot]
    isDeleted: NotRequired[IsDeleted]


class Me(User):
    """The caller's own account."""

    email: Annotated[
        str | None,
        Column("u.email"),
        fields.String(
            metadata={
                "description": "The email address, or null; not visible to other users.",
                "example": "alice@example.org",
            }
        ),
    ]
    role: Annotated[
        str,
        Column("u.role"),
        Choice("Role", ROLES),
        "The role on the server, which is independent of the roles in chats.",
    ]
    passwordLogin: NotRequired[
        Annotated[
            bool,
            Column("u.password_hash IS NOT NULL"),
            "True if the account has a password; absent otherwise.",
        ]
    ]


class ServerUser(User):
    """A user, as servers see them."""

    email: Annotated[
        str | None,
        Column("u.email"),
        fields.String(metadata={"description": "The email address, or null.", "example": "alice@example.org"}),
    ]
    role: Annotated[str, Column("u.role"), Choice("Role", ROLES), "The role on the server."]
    isActive: Annotated[
        bool,
        Column("u.is_active"),
        fields.Boolean(metadata={"description": "False for a deactivated user.", "example": True}),
    ]
    updatedAt: Annotated[str, Column("wire_time(u.updated_at)"), Timestamp(), "When the user was last changed."]
    privateData: NotRequired[
        Annotated[
            dict[str, Any],
            Column("u.private_data"),
            ShownData(MAX_USER_DATA),
            f"Data of your app that only API keys see, up to {MAX_USER_DATA:,} bytes as JSON; absent if empty.",
        ]
    ]
    passwordLogin: NotRequired[
        Annotated[bool, Column("u.password_hash IS NOT NULL"), "True if the account has a password; absent otherwise."]
    ]
    lastLoginAt: NotRequired[
        Annotated[
            str,
            Column("wire_time(u.last_login_at)"),
            Timestamp(),
            "When the user last opened a session; absent if never.",
        ]
    ]


def _seen_if(condition: str) -> dict[str, str]:
    """The expressions of presence for a reader who sees it on this condition."""
    return {
        "isOnline": f"{condition} AND {IS_ONLINE}",
        "lastSeen": f"CASE WHEN u.last_seen IS NOT NULL AND {condition} THEN wire_time(u.last_seen) END",
    }


def visible_to_reader(definition: type) -> str:
    """The SQL that builds a user or an account for any reader, whose id is `:reader_id`."""
    may_see = f"(u.id = :reader_id OR {sees_presence(':reader_id')} AND {shares_chat(':reader_id')})"
    return build_object(definition, **_seen_if(may_see))


UserSchema = schema_of(User)
MeSchema = schema_of(Me)
ServerUserSchema = schema_of(ServerUser)
USER = build_object(User)
# For a reader who shares a chat with `u` and whose id is `:user_id`.
USER_SEEN = build_object(User, **_seen_if(sees_presence(":user_id")))
# The same for all recipients.
USER_EVENT = build_object(User, isOnline="false", lastSeen="CAST(NULL AS text)")
USER_SEEN_TEXT = encode_object(User, **_seen_if(sees_presence(":user_id")))
# For the user, and for servers.
_ALL = _seen_if("true")
ME = build_object(Me, **_ALL)
SERVER_USER = build_object(ServerUser, **_ALL)
SERVER_USER_TEXT = encode_object(ServerUser, **_ALL)
