"""Members of chats, and their receipts."""

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import ChatRef, Counter, CreatedAt, SomeTime, UserRef


class Member(Base):
    """A member of a chat. Messages up to `read_seq` are read, up to `delivered_seq` delivered: two numbers instead of a
    row per message and recipient. `joined_seq` is the chat's `last_seq` when the user joined, of a bot the
    largest number: no message's status waits for bots.

    The rest is personal state of the member, who alone sees it; `me_rev` numbers its last change. Archived, hidden and
    marked as unread are positions that are compared with the chat's `last_seq` when they are read: a new message changes
    no row of a member. Messages up to `first_seq` were cleared. `reads_privately` copies the user's setting.
    """

    __tablename__ = "members"

    chat_id: Mapped[ChatRef] = mapped_column(primary_key=True)
    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(6), server_default="MEMBER")
    joined_at: Mapped[CreatedAt]
    joined_seq: Mapped[Counter]
    delivered_seq: Mapped[Counter]
    read_seq: Mapped[Counter]
    muted_until: Mapped[SomeTime]
    archived_seq: Mapped[int | None] = mapped_column(BigInteger)
    hidden_seq: Mapped[int | None] = mapped_column(BigInteger)
    pinned_at: Mapped[SomeTime]
    unread_from: Mapped[int | None] = mapped_column(BigInteger)
    marked_seq: Mapped[int | None] = mapped_column(BigInteger)
    notify: Mapped[str | None] = mapped_column(String(8))
    first_seq: Mapped[int | None] = mapped_column(BigInteger)
    has_hidden: Mapped[bool] = mapped_column(server_default=text("false"))
    reads_privately: Mapped[bool] = mapped_column(server_default=text("false"))
    me_rev: Mapped[Counter]

    __table_args__ = (
        CheckConstraint("role IN ('MEMBER', 'ADMIN')", name="members_role_check"),
        CheckConstraint("read_seq <= delivered_seq", name="members_read_is_delivered_check"),
        Index("members_user_id_chat_id_idx", "user_id", "chat_id"),
        Index("members_user_id_me_rev_idx", "user_id", "me_rev", postgresql_where=text("me_rev > 0")),
    )
