"""Messages."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import ChatRef, CreatedAt, Id, SomeTime, UserRef

# Condition of a message whose `rev` is not that of its creation; of others it can be null.
CHANGED = "(edited_at IS NOT NULL OR deleted_at IS NOT NULL OR is_changed)"


class Message(Base):
    """A message, or its tombstone (`deleted_at`).

    `client_digest` is a hash of the content first sent with `client_id`, which distinguishes a repetition from a reuse
    even after an edit or a deletion. `reply_to` is the id of a message of the same chat, `mention_ids` are members.
    `reactions` summarizes the rows of `reactions` as the API shows them. `forwarded` has the `senderId` and `createdAt` of
    the original. `is_changed` marks a message whose `rev` was changed by something else than an edit or a deletion;
    null, which takes no room, is false.
    """

    __tablename__ = "messages"

    id: Mapped[Id]
    chat_id: Mapped[ChatRef]
    seq: Mapped[int] = mapped_column(BigInteger)
    rev: Mapped[int] = mapped_column(BigInteger)
    sender_id: Mapped[UserRef]
    type: Mapped[str] = mapped_column(String(6), server_default="TEXT")
    content: Mapped[str | None] = mapped_column(Text)
    upload_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False), ForeignKey("uploads.id"))
    client_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    client_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    system: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    reply_to: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    mention_ids: Mapped[list[str] | None] = mapped_column(ARRAY(Uuid(as_uuid=False)))
    mentions_all: Mapped[bool | None]
    # `metadata` is an attribute of every model.
    app_data: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB)
    format: Mapped[str | None] = mapped_column(String(20))
    reactions: Mapped[list[Any] | None] = mapped_column(JSONB)
    pinned_at: Mapped[SomeTime]
    pinned_by: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    forwarded: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    edit_count: Mapped[int | None] = mapped_column(SmallInteger)
    is_changed: Mapped[bool | None]
    created_at: Mapped[CreatedAt]
    edited_at: Mapped[SomeTime]
    deleted_at: Mapped[SomeTime]

    __table_args__ = (
        CheckConstraint("type IN ('TEXT', 'IMAGE', 'FILE', 'SYSTEM')", name="messages_type_check"),
        CheckConstraint("(content IS NULL) = (deleted_at IS NOT NULL)", name="messages_tombstone_check"),
        Index("messages_chat_id_seq_key", "chat_id", "seq", unique=True),
        Index("messages_rev_key", "chat_id", "rev", unique=True, postgresql_where=text(CHANGED)),
        Index("messages_sender_id_client_id_key", "sender_id", "client_id", unique=True),
        Index("messages_mentions_all_idx", "chat_id", "seq", postgresql_where=text("mentions_all")),
        Index("messages_pinned_idx", "chat_id", "pinned_at", postgresql_where=text("pinned_at IS NOT NULL")),
        Index("messages_files_idx", "chat_id", "type", "seq", postgresql_where=text("upload_id IS NOT NULL")),
        Index("messages_upload_id_idx", "upload_id", postgresql_where=text("upload_id IS NOT NULL")),
    )
