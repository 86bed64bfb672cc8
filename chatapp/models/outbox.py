"""The outbox: events that `once` subscribers have not processed yet, and the state of these subscribers."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Integer, String, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Moment


class OutboxRow(Base):
    """One event for one `once` subscriber, written in the transaction of the change and deleted once processed.

    Within a chat, `id` follows `rev`: both are assigned under the chat's lock. `data` holds what can't be read later,
    and never text of a message.
    """

    __tablename__ = "outbox"

    subscriber: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    chat_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    rev: Mapped[int | None] = mapped_column(BigInteger)
    subject: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]


class OutboxReader(Base):
    """Which worker reads the rows of a subscriber, until when, and the failures since its last success."""

    __tablename__ = "outbox_readers"

    subscriber: Mapped[str] = mapped_column(String(40), primary_key=True)
    worker_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    lease_until: Mapped[datetime] = mapped_column(Moment)
    failures: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    error: Mapped[str | None] = mapped_column(String(200))
