"""Codes of links that prove access to an account."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Moment, SomeTime, UserRef


class MailCode(Base):
    """A code of the kind `reset`, as its SHA-256; it can be used once."""

    __tablename__ = "mail_codes"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UserRef]
    kind: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[SomeTime]

    __table_args__ = (Index("mail_codes_user_id_idx", "user_id"),)
