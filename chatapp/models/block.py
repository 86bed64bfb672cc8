"""Users whom users block."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, UserRef


class Block(Base):
    """A user (`blocked_id`) whom another one (`user_id`) blocks. It takes effect in both directions."""

    __tablename__ = "blocks"

    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    blocked_id: Mapped[UserRef] = mapped_column(primary_key=True)
    created_at: Mapped[CreatedAt]

    __table_args__ = (Index("blocks_blocked_id_user_id_idx", "blocked_id", "user_id"),)
