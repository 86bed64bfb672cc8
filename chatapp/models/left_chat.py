"""Chats that users left."""

from sqlalchemy import BigInteger, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import UserRef


class LeftChat(Base):
    """A chat that a user left, the last time with the change `me_rev` of their own state: it ended their state of the
    chat, also if they joined again."""

    __tablename__ = "left_chats"

    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    me_rev: Mapped[int] = mapped_column(BigInteger)
