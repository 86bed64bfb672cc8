"""Conversations."""

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import Counter, CreatedAt, Id


class Chat(Base):
    """A conversation of two people (DIRECT) or of many (GROUP).

    `last_seq` numbers its messages, `last_rev` its changes; whoever takes the next of either holds the row's lock.
    `direct_key` is the pair's ids in order: the unique index on it is why two people never share two direct chats.
    """

    __tablename__ = "chats"

    id: Mapped[Id]
    type: Mapped[str] = mapped_column(String(6))
    name: Mapped[str | None] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(String(500))
    avatar: Mapped[str | None] = mapped_column(String(2048))
    direct_key: Mapped[str | None] = mapped_column(String(73), unique=True)
    member_count: Mapped[int] = mapped_column(server_default=text("0"))
    last_seq: Mapped[Counter]
    last_rev: Mapped[Counter]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("type IN ('DIRECT', 'GROUP')", name="chats_type_check"),
        CheckConstraint("(type = 'DIRECT') = (direct_key IS NOT NULL)", name="chats_direct_key_check"),
        # Large groups that were deleted, until the last of their messages is.
        Index("chats_deleted_idx", "id", postgresql_where=text("member_count = 0")),
    )
