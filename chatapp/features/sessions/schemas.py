"""Schemas of sessions and their devices."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, build_object, schema_of
from chatapp.core.schemas import Choice, Id, Input, Instant, Text, Timestamp

KINDS = ("password", "server", "appToken")
MAX_DEVICE = 64
# When the session ends unless it is used before: with its only access token, or with its newest refresh token.
EXPIRES_AT = """coalesce(s.expires_at, (
        SELECT max(t.expires_at) FROM refresh_tokens t WHERE t.session_id = s.id
    ))"""
LAST_USED_AT = "coalesce(s.last_used_at, s.created_at)"

_IS_ONLINE = """EXISTS (
        SELECT FROM presence p JOIN workers w ON w.id = p.worker_id AND w.expires_at > now()
        WHERE p.user_id = s.user_id AND p.session_id = s.id AND p.sockets > 0
    )"""


class Device(TypedDict):
    """The device of a session, as the client that opened it named it."""

    id: NotRequired[
        Annotated[str, fields.String(), "The id of the device; a new session for it replaces this session."]
    ]
    name: NotRequired[Annotated[str, fields.String(metadata={"example": "Alice's phone"}), "The name of the device."]]


class Session(TypedDict):
    """A session of the user: one login, which continues until it ends or expires."""

    id: Annotated[str, Column("s.id"), Id(), "The id of the session."]
    kind: Annotated[
        str,
        Column("s.kind"),
        Choice("SessionKind", KINDS),
        "How the session was opened: by registration or login (`password`), by your backend (`server`), or with a token of "
        "your app (`appToken`).",
    ]
    device: NotRequired[
        Annotated[
            Device,
            Column(
                """CASE WHEN num_nonnulls(s.device_id, s.device_name) > 0
                THEN json_strip_nulls(json_build_object('id', s.device_id, 'name', s.device_name)) END"""
            ),
            "The device; absent if the client named none.",
        ]
    ]
    userAgent: NotRequired[
        Annotated[
            str,
            Column("s.user_agent"),
            fields.String(validate=validate.Length(max=200), metadata={"example": "Mozilla/5.0"}),
            "The first 200 characters of the `User-Agent` with which the session was opened.",
        ]
    ]
    address: NotRequired[
        Annotated[
            str,
            Column("s.address"),
            fields.String(metadata={"example": "203.0.113.6"}),
            "The client address at the last login or refresh; a network of 64 bits for IPv6.",
        ]
    ]
    createdAt: Annotated[str, Column("wire_time(s.created_at)"), Timestamp(), "When the session was opened."]
    lastUsedAt: Annotated[
        str,
        Column(f"wire_time({LAST_USED_AT})"),
        Timestamp(),
        "When the session was opened, refreshed, or connected a socket for the last time; up to an hour late.",
    ]
    expiresAt: NotRequired[
        Annotated[
            str,
            Column(f"wire_time({EXPIRES_AT})"),
            Timestamp(),
            "When the session ends unless it is refreshed before.",
        ]
    ]
    isCurrent: NotRequired[
        Annotated[
            bool, Column("s.id = CAST(:current AS uuid)"), "True for the session of the request; absent otherwise."
        ]
    ]
    isOnline: NotRequired[
        Annotated[bool, Column(_IS_ONLINE), "True if the session has a connected socket; absent otherwise."]
    ]


class NewDeviceSchema(Input):
    """The device for which a session is opened."""

    id = Text(
        1,
        MAX_DEVICE,
        metadata={
            "description": "An id of 1–64 characters that the app chose for this installation. A new session with the same "
            "id ends the earlier session of the user.",
            "example": "d1f0c1b2",
        },
    )
    name = Text(1, MAX_DEVICE, metadata={"description": "A name to show to the user.", "example": "Alice's phone"})


class RevokeSchema(Input):
    """The time until which tokens are revoked."""

    before = Instant(
        metadata={"description": "Revoke what was issued before this time. Default, and at most: the current time."}
    )


SessionSchema = schema_of(Session)
SESSION = build_object(Session)
