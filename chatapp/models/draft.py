"""Drafts of messages."""

from typing import Any

from sqlalchemy import BigInteger, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import ChatRef, CreatedAt, UserRef


class Draft(Base):
    """The draft of a user in a chat. One that was deleted stays as a row (`is_gone`) for the user's other devices."""

    __tablename__ = "drafts"

    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    chat_id: Mapped[ChatRef] = mapped_column(primary_key=True)
    content: Mapped[str] = mapped_column(Text, server_default="")
    reply_to: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    # `metadata` is an attribute of every model.
    app_data: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB)
    is_gone: Mapped[bool] = mapped_column(server_default=text("false"))
    updated_at: Mapped[CreatedAt]
    me_rev: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("drafts_chat_id_idx", "chat_id"),)
