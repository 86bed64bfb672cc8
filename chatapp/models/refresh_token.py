"""Refresh tokens, as keyed hashes only."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Moment, SomeTime


class RefreshToken(Base):
    """One link of a session's chain of refresh tokens; `rotated_at` is when its successor was first issued."""

    __tablename__ = "refresh_tokens"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), ForeignKey("sessions.id", ondelete="CASCADE"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(Moment)
    rotated_at: Mapped[SomeTime]

    __table_args__ = (
        Index("refresh_tokens_session_id_idx", "session_id"),
        Index("refresh_tokens_expires_at_idx", "expires_at"),
    )
