"""Schemas of the audit log."""

from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import Column, build_object, schema_of
from chatapp.core.schemas import Choice, Id, Input, Instant, Timestamp, absent

ACTORS = ("user", "key", "cli", "system")
_ACTION = "[a-z_]{1,20}[.]([a-z_]{1,20}|[*])"


class AuditActor(TypedDict):
    """The user, key, command or server that made a change."""

    # From a row `e`.
    type: Annotated[
        str,
        Column("e.actor_type"),
        Choice("AuditActorType", ACTORS),
        "A user, an API key, a command of the operator, or the server itself. Later versions may add values.",
    ]
    name: Annotated[
        str,
        Column("e.actor_name"),
        fields.String(
            validate=validate.Length(max=100),
            metadata={"description": "The username or the name of the key at that time.", "example": "backend"},
        ),
    ]
    id: NotRequired[Annotated[str, Column("e.actor_id"), Id(), "The id of the user or key; absent for the others."]]


class AuditTarget(TypedDict):
    """The object that was changed."""

    type: Annotated[
        str,
        Column("e.target_type"),
        fields.String(
            validate=validate.Length(max=20),
            metadata={"description": "For example `user`, `key`, `chat` or `message`.", "example": "user"},
        ),
    ]
    id: Annotated[str, Column("e.target_id"), Id(), "The id of the object, which may no longer exist."]


class AuditEntry(TypedDict):
    """A change by an API key, a moderator, an administrator or a command."""

    id: Annotated[str, Column("e.id"), Id(), "The id of the entry."]
    at: Annotated[str, Column("wire_time(e.at)"), Timestamp(), "When the change was made."]
    actor: Annotated[AuditActor, Column(build_object(AuditActor)), "Who made the change."]
    action: Annotated[
        str,
        Column("e.action"),
        fields.String(
            validate=validate.Length(max=40),
            metadata={
                "description": "The kind of change: `key.…`, `user.…`, `role.changed`, `session.ended`, `chat.…`, `member.…`, "
                "`message.…` or `report.…`. Later versions add values.",
                "example": "role.changed",
            },
        ),
    ]
    actingAs: NotRequired[
        Annotated[str, Column("e.acting_as"), Id(), "The id of the user that the key acted as; absent otherwise."]
    ]
    target: NotRequired[
        Annotated[
            AuditTarget,
            Column(f"CASE WHEN e.target_id IS NOT NULL THEN {build_object(AuditTarget)} END"),
            "The object that was changed; absent if there is none.",
        ]
    ]
    address: NotRequired[
        Annotated[
            str,
            Column("e.address"),
            fields.String(
                validate=validate.Length(max=45),
                metadata={
                    "description": "The address of the client; absent for commands and the server.",
                    "example": "203.0.113.7",
                },
            ),
        ]
    ]
    details: NotRequired[
        Annotated[
            dict[str, Any],
            Column("e.details"),
            fields.Dict(
                keys=fields.String(),
                metadata={
                    "description": "The changed fields and other facts; never content, tokens or secrets. Absent if empty.",
                    "example": {"role": "MODERATOR"},
                },
            ),
        ]
    ]


AuditEntrySchema = schema_of(AuditEntry)


class AuditFilter(Input):
    """Filters of the audit log."""

    actor = Id(load_default=absent, metadata={"description": "Return only changes by this user or key."})
    target = Id(load_default=absent, metadata={"description": "Return only changes of this object."})
    action = fields.String(
        load_default=absent,
        validate=validate.Regexp(f"^{_ACTION}$", error="Must be an action such as user.updated or user.*."),
        metadata={
            "description": "Return only this action; `key.*` stands for all that begin with `key.`.",
            "pattern": f"^{_ACTION}$",
            "maxLength": 41,
            "example": "key.*",
        },
    )
    from_ = Instant(
        data_key="from",
        load_default=absent,
        metadata={"description": "Return only changes at or after this time."},
    )
    to = Instant(load_default=absent, metadata={"description": "Return only changes at or before this time."})
