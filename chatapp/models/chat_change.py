"""Changes of chats that leave no other row, for the replay after an outage."""

from sqlalchemy import BigInteger, CheckConstraint, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import ChatRef, CreatedAt


class ChatChange(Base):
    """One change of a chat or its members, with its `rev`; `user_id` is the member concerned.

    Changes of messages are not stored here: each message has the `rev` of its last change. Rows are kept for a day.
    """

    __tablename__ = "chat_changes"

    chat_id: Mapped[ChatRef] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(7))
    user_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("kind IN ('CREATED', 'UPDATED', 'JOINED', 'ROLE', 'LEFT')", name="chat_changes_kind_check"),
        Index("chat_changes_created_at_idx", "created_at"),
    )
