"""Schemas of reports."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import ValidationError, fields, validate, validates_schema

from chatapp.core.errors import Json
from chatapp.core.objects import Column, build_object, schema_of
from chatapp.core.schemas import Choice, Id, Input, Text, Timestamp, absent
from chatapp.representations.chat import CHAT_TYPES
from chatapp.representations.message import QUOTE, MessageEvent, Sender
from chatapp.representations.user import User

TARGETS = ("message", "user", "chat")
REASONS = ("spam", "abuse", "illegal", "self_harm", "other")
STATUSES = ("open", "done", "dismissed")
MAX_TEXT = 1000
_ONE_TARGET = "Send exactly one of messageId, userId and chatId."
_REASON = {"description": "The reason for the report.", "example": "spam"}

# A user as moderators see them, whether or not they share a chat.
_USER = build_object(
    User,
    isOnline="false",
    lastSeen="CAST(NULL AS text)",
    externalId="CASE WHEN :sees_external_ids THEN u.external_id END",
)
# The excerpt `r.excerpt`, completed by what is not stored: the names of users and the quote as they are now, and URLs of
# the file, as long as the message exists.
_EXCERPT = f"""CASE WHEN r.excerpt IS NOT NULL THEN (
    SELECT r.excerpt || jsonb_build_object('sender', {build_object(Sender)}) || coalesce((
        SELECT jsonb_build_object('replyTo', {QUOTE}) FROM messages q JOIN users s ON s.id = q.sender_id
        WHERE q.id = CAST(r.excerpt #>> '{{replyTo,id}}' AS uuid)
    ), '{{}}') || coalesce((
        SELECT jsonb_build_object(
            'fileUrl', file_url(f.name, f.secret, m.id),
            'thumbnailUrl', CASE WHEN f.thumbnail IS NOT NULL THEN file_url(f.thumbnail, f.secret, m.id) END
        )
        FROM messages m JOIN chats c ON c.id = m.chat_id AND NOT c.is_deleted JOIN uploads f ON f.id = m.upload_id
        WHERE m.id = r.target_id AND m.deleted_at IS NULL
    ), '{{}}')
    FROM users s WHERE s.id = CAST(r.excerpt ->> 'senderId' AS uuid)
) END"""
# Of a report `r`: the user it is about, and the chat.
_USER_ID = """CASE r.target_type WHEN 'user' THEN r.target_id WHEN 'message' THEN (
    SELECT m.sender_id FROM messages m WHERE m.id = r.target_id) END"""
_CHAT_ID = """CASE r.target_type WHEN 'chat' THEN r.target_id WHEN 'message' THEN (
    SELECT m.chat_id FROM messages m WHERE m.id = r.target_id) END"""


class ReportedChat(TypedDict):
    """The chat that a report is about."""

    # From a row `c`.
    id: Annotated[str, Column("c.id"), Id(), "The id of the chat."]
    type: Annotated[str, Column("c.type"), Choice("ChatType", CHAT_TYPES), "A direct chat of two users, or a group."]
    name: NotRequired[
        Annotated[
            str,
            Column("c.name"),
            fields.String(validate=validate.Length(max=100), metadata={"example": "Team"}),
            "The name of a group.",
        ]
    ]


class ReportTarget(TypedDict):
    """The message, user or chat that was reported."""

    type: Annotated[
        str, Column("r.target_type"), Choice("ReportTargetType", TARGETS), "The kind of the reported object."
    ]
    id: Annotated[str, Column("r.target_id"), Id(), "The id of the message, user or chat."]
    user: NotRequired[
        Annotated[
            User,
            Column(f"CASE WHEN :expands THEN (SELECT {_USER} FROM users u WHERE u.id = {_USER_ID}) END"),
            "The reported user, or the sender of the reported message. Only with `expand=target`.",
        ]
    ]
    chat: NotRequired[
        Annotated[
            ReportedChat,
            Column(
                f"CASE WHEN :expands THEN (SELECT {build_object(ReportedChat)} FROM chats c WHERE c.id = {_CHAT_ID}) END"
            ),
            "The reported chat, or that of the reported message. Only with `expand=target`.",
        ]
    ]
    isDeleted: NotRequired[
        Annotated[
            bool,
            Column(
                ":expands AND EXISTS (SELECT FROM messages m WHERE m.id = r.target_id AND m.deleted_at IS NOT NULL)"
            ),
            "True if the message was deleted; absent otherwise. Only with `expand=target`.",
        ]
    ]


class Report(TypedDict):
    """A report of a message, a user or a chat."""

    # From a row `r`.
    id: Annotated[str, Column("r.id"), Id(), "The id of the report."]
    target: Annotated[ReportTarget, Column(build_object(ReportTarget)), "The message, user or chat that was reported."]
    reason: Annotated[str, Column("r.reason"), Choice("ReportReason", REASONS), "The reason for the report."]
    status: Annotated[
        str,
        Column("r.status"),
        Choice("ReportStatus", STATUSES),
        "`open`, or closed: `done` if something was done about it, `dismissed` otherwise.",
    ]
    createdAt: Annotated[str, Column("wire_time(r.created_at)"), Timestamp(), "When the report was made."]
    reporter: NotRequired[
        Annotated[
            User,
            Column(f"(SELECT {_USER} FROM users u WHERE u.id = r.reporter_id)"),
            "The user who reported it; absent 90 days after the report was closed, and when the account was erased.",
        ]
    ]
    text: NotRequired[
        Annotated[
            str,
            Column("r.text"),
            fields.String(validate=validate.Length(max=MAX_TEXT), metadata={"example": "He sends this every day."}),
            "The text of the reporter.",
        ]
    ]
    excerpt: NotRequired[
        Annotated[
            MessageEvent,
            Column(_EXCERPT),
            "The reported message as it was then. Names and the quoted message are as they are now. The URLs of its file "
            "are null once the message was deleted. Absent for a message that was already deleted, 90 days after the report "
            "was closed, and after an erasure with `messages=erase`.",
        ]
    ]
    note: NotRequired[
        Annotated[
            str,
            Column("r.note"),
            fields.String(validate=validate.Length(max=MAX_TEXT), metadata={"example": "Warned the user."}),
            "The note of the moderators.",
        ]
    ]
    closedAt: NotRequired[
        Annotated[str, Column("wire_time(r.closed_at)"), Timestamp(), "When it was closed; absent while it is open."]
    ]


class CreatedReport(TypedDict):
    """The report that the caller made."""

    id: Annotated[str, Id(), "The id of the report."]


ReportSchema = schema_of(Report)
CreatedReportSchema = schema_of(CreatedReport)


def _other_target(name: str, description: str) -> Id:
    field = Id(data_key=name, metadata={"description": description})
    # The example of the body has one target.
    field.metadata = {name: value for name, value in field.metadata.items() if name != "example"}
    return field


class NewReportSchema(Input):
    """A report of one message, user or chat."""

    message_id = Id(
        data_key="messageId",
        metadata={"description": "A message of a chat of which the caller is a member; it may be deleted."},
    )
    user_id = _other_target(
        "userId", "A user who shares a chat with the caller, whom the caller blocks, or whom the caller can find."
    )
    chat_id = _other_target("chatId", "A chat of which the caller is a member.")
    reason = Choice("ReportReason", REASONS, required=True, metadata=_REASON)
    text = Text(
        max_length=MAX_TEXT,
        load_default=None,
        allow_none=True,
        metadata={"description": "An explanation for the moderators.", "example": "He sends this every day."},
    )

    @validates_schema
    def _one_target(self, data: Json, **_kwargs: object) -> None:
        if len(data.keys() & {"message_id", "user_id", "chat_id"}) != 1:
            raise ValidationError(_ONE_TARGET, "messageId")


class PatchReportSchema(Input):
    """Changes of a report; absent fields stay as they are."""

    status = Choice(
        "ReportStatus",
        STATUSES,
        metadata={"description": "`done` or `dismissed` close the report, `open` opens it again.", "example": "done"},
    )
    note = Text(
        max_length=MAX_TEXT,
        allow_none=True,
        metadata={"description": "A note for the moderators; null or empty clears it.", "example": "Warned the user."},
    )


class ReportFilter(Input):
    """Filter of the list of reports."""

    status = Choice(
        "ReportStatus", STATUSES, load_default=absent, metadata={"description": "Return only reports with this status."}
    )
    expand = Choice(
        "ReportExpansion",
        ("target",),
        load_default=absent,
        metadata={"description": "`target`: add the reported `user` and `chat`, and `isDeleted`, to `target`."},
    )
