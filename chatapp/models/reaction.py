"""Reactions to messages."""

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import MessageRef, Moment, UserRef


class Reaction(Base):
    """A reaction of a user to a message. `emoji_key` identifies the emoji, `emoji` is as it was first given."""

    __tablename__ = "reactions"

    message_id: Mapped[MessageRef] = mapped_column(primary_key=True)
    emoji_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    emoji: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("clock_timestamp()"))

    __table_args__ = (Index("reactions_user_id_idx", "user_id"),)
