"""Sessions."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, SomeTime, UserRef


class Session(Base):
    """A session of a user, from its login to its end (logout, reuse of a token, deactivation)."""

    __tablename__ = "sessions"

    id: Mapped[Id]
    user_id: Mapped[UserRef]
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[SomeTime]

    __table_args__ = (Index("sessions_user_id_idx", "user_id"),)
