"""Messages."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import ChatRef, CreatedAt, Id, SomeTime, UserRef


class Message(Base):
    """A message, or its tombstone (`deleted_at`).

    `client_digest` is a hash of the content first sent with `client_id`, which distinguishes a repetition from a reuse
    even after an edit or a deletion.
    """

    __tablename__ = "messages"

    id: Mapped[Id]
    chat_id: Mapped[ChatRef]
    seq: Mapped[int] = mapped_column(BigInteger)
    rev: Mapped[int] = mapped_column(BigInteger)
    sender_id: Mapped[UserRef]
    type: Mapped[str] = mapped_column(String(5), server_default="TEXT")
    content: Mapped[str | None] = mapped_column(Text)
    upload_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False), ForeignKey("uploads.id"))
    client_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    client_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]
    edited_at: Mapped[SomeTime]
    deleted_at: Mapped[SomeTime]

    __table_args__ = (
        CheckConstraint("type IN ('TEXT', 'IMAGE', 'FILE')", name="messages_type_check"),
        CheckConstraint("(content IS NULL) = (deleted_at IS NOT NULL)", name="messages_tombstone_check"),
        Index("messages_chat_id_seq_key", "chat_id", "seq", unique=True),
        Index("messages_chat_id_rev_key", "chat_id", "rev", unique=True),
        Index("messages_sender_id_client_id_key", "sender_id", "client_id", unique=True),
        Index("messages_upload_id_idx", "upload_id", postgresql_where=text("upload_id IS NOT NULL")),
    )
