"""Jobs: work that continues in another worker after a restart or a kill."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, String, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, Moment, SomeTime


class Job(Base):
    """A job; a scheduled one has one row, which is queued again for its next time after each run.

    `lease_id` names the attempt that runs it until `lease_until`. Other jobs are deleted 30 days after they finished.
    `created_by` is the user or key that may ask for it, `subject` the object that has one such job at a time.
    """

    __tablename__ = "jobs"

    id: Mapped[Id]
    type: Mapped[str] = mapped_column(String(40))
    is_scheduled: Mapped[bool] = mapped_column(server_default=text("false"))
    args: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(String(7), server_default=text("'queued'"))
    done: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    total: Mapped[int | None] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    error: Mapped[str | None] = mapped_column(String(200))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    next_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    created_by: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    subject: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    lease_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    lease_until: Mapped[SomeTime]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[SomeTime]

    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'done', 'failed')", name="jobs_status_check"),
        Index("jobs_next_at_idx", "next_at", postgresql_where=text("status IN ('queued', 'running')")),
        Index(
            "jobs_subject_key",
            "subject",
            "type",
            unique=True,
            postgresql_where=text("subject IS NOT NULL AND status IN ('queued', 'running')"),
        ),
        Index("jobs_schedule_key", "type", unique=True, postgresql_where=text("is_scheduled")),
    )
