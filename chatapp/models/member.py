"""Members of chats, and their receipts."""

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import ChatRef, Counter, CreatedAt, UserRef


class Member(Base):
    """A member of a chat. Messages up to `read_seq` are read, up to `delivered_seq` delivered: two numbers instead of a
    row per message and recipient. `joined_seq` is the chat's `last_seq` when the user joined."""

    __tablename__ = "members"

    chat_id: Mapped[ChatRef] = mapped_column(primary_key=True)
    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(6), server_default="MEMBER")
    joined_at: Mapped[CreatedAt]
    joined_seq: Mapped[Counter]
    delivered_seq: Mapped[Counter]
    read_seq: Mapped[Counter]

    __table_args__ = (
        CheckConstraint("role IN ('MEMBER', 'ADMIN')", name="members_role_check"),
        CheckConstraint("read_seq <= delivered_seq", name="members_read_is_delivered_check"),
        Index("members_user_id_chat_id_idx", "user_id", "chat_id"),
    )
