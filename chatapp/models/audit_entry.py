"""The audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import Id, Moment


class AuditEntry(Base):
    """A change by a key, a moderator or an operator. Ids are kept when what they name is erased."""

    __tablename__ = "audit_log"

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(Moment, server_default=text("clock_timestamp()"))
    actor_type: Mapped[str] = mapped_column(String(6))
    actor_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    actor_name: Mapped[str] = mapped_column(String(100))
    acting_as: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    action: Mapped[str] = mapped_column(String(40))
    target_type: Mapped[str | None] = mapped_column(String(20))
    target_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    address: Mapped[str | None] = mapped_column(String(45))
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint("actor_type IN ('user', 'key', 'cli', 'system')", name="audit_log_actor_type_check"),
        Index("audit_log_target_id_idx", "target_id", "id"),
        Index("audit_log_actor_id_idx", "actor_id", "id"),
    )
