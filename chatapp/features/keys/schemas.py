"""Schemas of API keys."""

from datetime import timedelta
from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, schema_of
from chatapp.core.references import ReferenceField
from chatapp.core.schemas import Choice, Duration, Id, Input, Instant, Text, Timestamp

SCOPES = (
    "users",
    "users:read",
    "tokens",
    "chats",
    "chats:read",
    "messages",
    "messages:read",
    "act",
    "admin",
    "moderation",
    "webhooks",
    "audit:read",
    "keys",
)
MAX_NAME = 100
DEFAULT_OVERLAP = timedelta(hours=24)
_SECRET_EXAMPLE = "csk_AaIJwN2JdSiJrkBXLB-kGg_example-of-a-secret-which-no-key-ever-has-0"


class ApiKey(TypedDict):
    """An API key."""

    id: Annotated[str, Column("k.id"), Id(), "The id of the key, which its text contains."]
    name: Annotated[
        str,
        Column("k.name"),
        fields.String(validate=validate.Length(max=MAX_NAME), metadata={"example": "backend"}),
        "The name, which says what the key is for.",
    ]
    createdAt: Annotated[str, Column("wire_time(k.created_at)"), Timestamp(), "When the key was created."]
    scopes: NotRequired[
        Annotated[
            list[str],
            Column("to_json(nullif(k.scopes, '{}'))"),
            fields.List(Choice("Scope", SCOPES), metadata={"example": ["users", "tokens"]}),
            "The scopes, which decide what the key may do; absent if there are none.",
        ]
    ]
    actsAs: NotRequired[
        Annotated[str, Column("k.acts_as"), Id(), "The user as whom the key always acts; absent if there is none."]
    ]
    createdBy: NotRequired[
        Annotated[
            str,
            Column("k.created_by"),
            Id(),
            "The id of the user or key that created it; absent for a command of the operator.",
        ]
    ]
    expiresAt: NotRequired[
        Annotated[str, Column("wire_time(k.expires_at)"), Timestamp(), "When the key expires; absent: never."]
    ]
    lastUsedAt: NotRequired[
        Annotated[
            str, Column("wire_time(k.last_used_at)"), Timestamp(), "The hour of the last use; absent: not used yet."
        ]
    ]
    rotatedAt: NotRequired[
        Annotated[str, Column("wire_time(k.rotated_at)"), Timestamp(), "When the secret was last rotated."]
    ]
    previousValidUntil: NotRequired[
        Annotated[
            str,
            Column("CASE WHEN k.previous_until > now() THEN wire_time(k.previous_until) END"),
            Timestamp(),
            "When the previous secret expires; absent if there is none that is valid.",
        ]
    ]
    revokedAt: NotRequired[
        Annotated[str, Column("wire_time(k.revoked_at)"), Timestamp(), "When the key was revoked; absent if it is not."]
    ]


class NewApiKey(ApiKey):
    """An API key with its secret, which no other response contains."""

    secret: Annotated[
        str,
        Column("CAST(:secret AS text)"),
        fields.String(metadata={"example": _SECRET_EXAMPLE}),
        "The complete key. The server stores only a hash: keep it in the secret store of your backend.",
    ]


ApiKeySchema = schema_of(ApiKey)
NewApiKeySchema = schema_of(NewApiKey)


def _scopes(*, required: bool = False) -> fields.List[str]:
    return fields.List(
        Choice("Scope", SCOPES),
        validate=validate.Length(max=len(SCOPES)),
        metadata={"description": "The scopes, which decide what the key may do.", "example": ["users", "tokens"]},
        required=required,
    )


def _name(*, required: bool = False) -> Text:
    metadata = {"description": "The name, which says what the key is for.", "example": "backend"}
    return Text(1, MAX_NAME, metadata=metadata, required=required)


class CreateKeySchema(Input):
    """A new key."""

    name = _name(required=True)
    scopes = _scopes(required=True)
    expires_at = Instant(
        data_key="expiresAt",
        allow_none=True,
        metadata={"description": "When the key expires, in the future; absent or null: never."},
    )
    acts_as = ReferenceField(
        data_key="actsAs",
        allow_none=True,
        metadata={
            "description": "The user as whom the key always acts, as a UUID or `ext:<externalId>`. Such a key needs no "
            "scope, or `admin` if the user's role is not USER. A key that creates or manages it needs `act`."
        },
    )


class PatchKeySchema(Input):
    """Changes of a key; absent fields stay as they are."""

    name = _name()
    scopes = _scopes()
    expires_at = Instant(
        data_key="expiresAt",
        allow_none=True,
        metadata={"description": "When the key expires; a time in the past ends it at once, null: never."},
    )


class RotateKeySchema(Input):
    """How long the old secret stays valid."""

    overlap = Duration("0s", "7d", load_default=DEFAULT_OVERLAP, metadata={"example": "24h", "default": "24h"})
