"""Accounts."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.core.names import email_key, search_key
from chatapp.models.columns import Counter, CreatedAt, Id, SomeTime

# The sender of system messages: never active, a member of no chat.
SYSTEM_ID = "00000000-0000-7000-8000-000000000001"

# The collation of usernames: ASCII, whatever the locale of the database.
USERNAME_KEY = 'lower(username COLLATE "C")'
# What the index of display names has: three characters each, whatever the locale of the database.
GRAMS = "name_grams(display_key)"


class User(Base):
    """An account. Names and addresses are unique regardless of case; a deactivated account can't log in.

    `external_id` is the id of the user in the app of the operator, `tokens_after` the time before which that app's tokens
    are no longer accepted. An erased account (`deleted_at`) keeps its row for its messages.

    `me_rev` numbers the changes of what only the user sees; `settings_rev` and `blocks_rev` are the numbers of the last
    changes of `settings`, those that differ from the defaults, and of the list of blocked users.
    """

    __tablename__ = "users"

    id: Mapped[Id]
    email: Mapped[str | None] = mapped_column(String(254))
    # The form in which addresses are compared; a statement that changes the address has to change it too.
    email_key: Mapped[str | None] = mapped_column(
        Text(collation="C"), default=lambda context: _email_key(context.get_current_parameters().get("email"))
    )
    username: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(String(128))
    display_name: Mapped[str | None] = mapped_column(String(80))
    # The form in which searches compare it; a statement that changes the name has to change it too.
    display_key: Mapped[str | None] = mapped_column(
        Text(collation="C"),
        default=lambda context: _search_key(context.get_current_parameters().get("display_name")),
    )
    avatar: Mapped[str | None] = mapped_column(String(2048))
    role: Mapped[str] = mapped_column(String(9), server_default="USER")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    last_seen: Mapped[SomeTime]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    last_login_at: Mapped[SomeTime]
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    private_data: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    is_bot: Mapped[bool] = mapped_column(server_default=text("false"))
    deleted_at: Mapped[SomeTime]
    # Of an erased account: tokens of the app for this user are refused if they are older.
    erased_external_id_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    tokens_after: Mapped[SomeTime]
    me_rev: Mapped[Counter]
    settings: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    settings_rev: Mapped[Counter]
    blocks_rev: Mapped[Counter]

    __table_args__ = (
        CheckConstraint("role IN ('USER', 'MODERATOR', 'ADMIN')", name="users_role_check"),
        # Partial: an update of a column under a plain unique index takes a lock that makes all sends of the user wait.
        Index("users_email_key", "email_key", unique=True, postgresql_where=text("email_key IS NOT NULL")),
        Index("users_external_id_key", "external_id", unique=True, postgresql_where=text("external_id IS NOT NULL")),
        Index(
            "users_erased_external_id_idx",
            "erased_external_id_hash",
            postgresql_where=text("erased_external_id_hash IS NOT NULL"),
        ),
        Index("users_created_at_idx", "created_at", "id"),
        Index("users_username_key", text(USERNAME_KEY), unique=True),
        # Trigrams, for "contains" in a search by name.
        Index(
            "users_username_trgm",
            text(USERNAME_KEY),
            postgresql_using="gin",
            postgresql_ops={USERNAME_KEY: "gin_trgm_ops"},
        ),
        # In order, for what many names contain.
        Index("users_display_key_idx", "display_key", "id", postgresql_where=text("display_key IS NOT NULL")),
        Index("users_display_key_grams", text(GRAMS), postgresql_using="gin"),
    )


def _email_key(email: str | None) -> str | None:
    return None if email is None else email_key(email)


def _search_key(name: str | None) -> str | None:
    return None if name is None else search_key(name)
