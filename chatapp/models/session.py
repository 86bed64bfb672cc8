"""Sessions."""

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, SomeTime, UserRef


class Session(Base):
    """A session of a user, from its login to its end (logout, reuse of a token, deactivation).

    `expires_at` is set for a session that is not refreshed: it ends with its only access token. `app_token_hash` is the
    SHA-256 of the app's JWT that is used in place of access tokens, and `token_issued_at` its `iat`. `last_used_at` is at most an hour old.
    """

    __tablename__ = "sessions"

    id: Mapped[Id]
    user_id: Mapped[UserRef]
    kind: Mapped[str] = mapped_column(String(8), server_default="password")
    device_id: Mapped[str | None] = mapped_column(String(64))
    device_name: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(45))
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[SomeTime]
    expires_at: Mapped[SomeTime]
    ended_at: Mapped[SomeTime]
    app_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_issued_at: Mapped[SomeTime]

    __table_args__ = (
        CheckConstraint("kind IN ('password', 'server', 'appToken')", name="sessions_kind_check"),
        Index("sessions_user_id_idx", "user_id"),
        Index(
            "sessions_device_key",
            "user_id",
            "device_id",
            unique=True,
            postgresql_where=text("device_id IS NOT NULL AND ended_at IS NULL"),
        ),
        Index(
            "sessions_app_token_hash_key",
            "app_token_hash",
            unique=True,
            postgresql_where=text("app_token_hash IS NOT NULL"),
        ),
    )
