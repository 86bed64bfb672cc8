"""Open sockets per user and worker: leases that expire with the worker."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, Uuid, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, Moment, UserRef


class Worker(Base):
    """A server process that is alive until `expires_at`, which it renews.

    `redis` is whether it was connected to Redis at `seen_at`; null for one that was started without `REDIS_URL`.
    `split` is whether it misses the events of other live workers, since they have no Redis or another one.
    `key_sockets` is the number of sockets that each API key has here as users.
    """

    __tablename__ = "workers"

    id: Mapped[Id]
    expires_at: Mapped[datetime] = mapped_column(Moment)
    host: Mapped[str] = mapped_column(Text, server_default="")
    pid: Mapped[int] = mapped_column(server_default=text("0"))
    started_at: Mapped[CreatedAt]
    seen_at: Mapped[CreatedAt]
    redis: Mapped[bool | None]
    split: Mapped[bool] = mapped_column(server_default=false())
    key_sockets: Mapped[dict[str, int] | None] = mapped_column(JSONB)

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)


# The session of sockets that have none: those of API keys.
NO_SESSION = "00000000-0000-0000-0000-000000000000"


class Presence(Base):
    """The number of sockets of a session on a worker. A user with such a row of a live worker is online."""

    __tablename__ = "presence"

    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("workers.id", ondelete="CASCADE"), primary_key=True
    )
    session_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, server_default=NO_SESSION)

    sockets: Mapped[int] = mapped_column(server_default=text("0"))

    __table_args__ = (Index("presence_worker_id_idx", "worker_id"), {"prefixes": ["UNLOGGED"]})
