"""Chats."""

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import Counter, CreatedAt, Id


class Chat(Base):
    """A direct chat (DIRECT) or a group (GROUP).

    `last_seq` numbers its messages, `last_rev` its changes; a transaction that increments either holds the row's lock.
    `direct_key` has the pair's ids in order: its unique index guarantees one direct chat per pair.
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
        # Large deleted groups, until their last message is deleted.
        Index("chats_deleted_idx", "id", postgresql_where=text("member_count = 0")),
    )
