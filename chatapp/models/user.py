"""People with an account."""

from sqlalchemy import CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, SomeTime


class User(Base):
    """An account. Names and addresses are unique whatever the case; a deactivated one can't log in."""

    __tablename__ = "users"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254))
    username: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(Text)
    avatar: Mapped[str | None] = mapped_column(String(2048))
    role: Mapped[str] = mapped_column(String(9), server_default="USER")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    last_seen: Mapped[SomeTime]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("role IN ('USER', 'MODERATOR', 'ADMIN')", name="users_role_check"),
        Index("users_email_key", text("lower(email)"), unique=True),
        Index("users_username_key", text("lower(username)"), unique=True),
        # Trigrams answer "contains" in a search by name.
        Index(
            "users_username_trgm",
            text("lower(username)"),
            postgresql_using="gin",
            postgresql_ops={"lower(username)": "gin_trgm_ops"},
        ),
    )
