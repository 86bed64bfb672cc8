"""Reports of messages, users and chats to the moderators."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, String, Text, Uuid
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, SomeTime, UserRef


class Report(Base):
    """A report of a user. `excerpt` is the message as it was then; a while after the report was closed, a job deletes
    `reporter_id` and `excerpt`."""

    __tablename__ = "reports"

    id: Mapped[Id]
    reporter_id: Mapped[UserRef | None]
    target_type: Mapped[str] = mapped_column(String(7))
    target_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    reason: Mapped[str] = mapped_column(String(9))
    text: Mapped[str | None] = mapped_column(Text)
    excerpt: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    status: Mapped[str] = mapped_column(String(9), server_default="open")
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[SomeTime]

    __table_args__ = (
        CheckConstraint("target_type IN ('message', 'user', 'chat')", name="reports_target_type_check"),
        CheckConstraint("status IN ('open', 'done', 'dismissed')", name="reports_status_check"),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="reports_closed_at_check"),
        Index(
            "reports_reporter_id_target_key",
            "reporter_id",
            "target_type",
            "target_id",
            unique=True,
            postgresql_where=sql("reporter_id IS NOT NULL"),
        ),
        Index("reports_status_id_idx", "status", "id"),
    )
