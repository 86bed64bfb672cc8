"""Accounts."""

from sqlalchemy import CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.core.names import email_key
from chatapp.models.columns import CreatedAt, Id, SomeTime

# The collation of usernames: ASCII, whatever the locale of the database.
USERNAME_KEY = 'lower(username COLLATE "C")'


class User(Base):
    """An account. Names and addresses are unique regardless of case; a deactivated account can't log in."""

    __tablename__ = "users"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254))
    # The form in which addresses are compared; a statement that changes the address has to change it too.
    email_key: Mapped[str] = mapped_column(
        Text(collation="C"), default=lambda context: email_key(context.get_current_parameters()["email"])
    )
    username: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(Text)
    avatar: Mapped[str | None] = mapped_column(String(2048))
    role: Mapped[str] = mapped_column(String(9), server_default="USER")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    last_seen: Mapped[SomeTime]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("role IN ('USER', 'MODERATOR', 'ADMIN')", name="users_role_check"),
        Index("users_email_key", "email_key", unique=True),
        Index("users_username_key", text(USERNAME_KEY), unique=True),
        # Trigrams, for "contains" in a search by name.
        Index(
            "users_username_trgm",
            text(USERNAME_KEY),
            postgresql_using="gin",
            postgresql_ops={USERNAME_KEY: "gin_trgm_ops"},
        ),
    )
