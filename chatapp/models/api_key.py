"""API keys of backends and bots."""

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, SomeTime


class ApiKey(Base):
    """A key with scopes; `hash` is the SHA-256 of its secret.

    After a rotation `previous_hash` is valid until `previous_until`. A key with `acts_as` always acts as that user.
    `created_by` is the id of a user or of a key, null for a command. `last_used_at` is at most an hour old.
    """

    __tablename__ = "api_keys"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(100))
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[SomeTime]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    acts_as: Mapped[str | None] = mapped_column(Uuid(as_uuid=False), ForeignKey("users.id"))
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    expires_at: Mapped[SomeTime]
    last_used_at: Mapped[SomeTime]
    rotated_at: Mapped[SomeTime]
    revoked_at: Mapped[SomeTime]

    __table_args__ = (Index("api_keys_acts_as_idx", "acts_as", postgresql_where=text("acts_as IS NOT NULL")),)
