"""Chats."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import Counter, CreatedAt, Id


class Chat(Base):
    """A direct chat (DIRECT) or a group (GROUP).

    `last_seq` numbers its messages, `last_rev` its changes; a transaction that increments either holds the row's lock.
    `direct_key` has the pair's ids in order: its unique index guarantees one direct chat per pair.
    `external_id` is the id of the chat in the app of the operator, `announces` the changes that post system messages.
    `is_deleted` marks a large group whose messages are still being deleted: it has no members and is not found.
    `is_closed` means that members can't send: in a direct chat one user was erased, or blocks the other.
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
    external_id: Mapped[str | None] = mapped_column(String(128))
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    announces: Mapped[list[str] | None] = mapped_column(ARRAY(String(7)))
    is_deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    is_closed: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        CheckConstraint("type IN ('DIRECT', 'GROUP')", name="chats_type_check"),
        CheckConstraint("(type = 'DIRECT') = (direct_key IS NOT NULL)", name="chats_direct_key_check"),
        Index("chats_external_id_key", "external_id", unique=True, postgresql_where=text("external_id IS NOT NULL")),
        # Large deleted groups, until their last message is deleted.
        Index("chats_deleted_idx", "id", postgresql_where=text("is_deleted")),
    )
