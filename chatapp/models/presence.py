"""Who has a live socket, and on which worker: leases that expire with the worker that holds them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, Moment, UserRef


class Worker(Base):
    """A server process that is alive until `expires_at`, which it moves on as long as it lives.

    `redis` is whether it is connected to Redis, as of `seen_at`; null for one that was started without `REDIS_URL`.
    `split` is whether it misses the events of other live workers, since they have no Redis or another one.
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

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)


class Presence(Base):
    """A person has this many sockets on a worker. Online is who has such a row with a worker that is alive."""

    __tablename__ = "presence"

    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("workers.id", ondelete="CASCADE"), primary_key=True
    )

    sockets: Mapped[int] = mapped_column(server_default=text("0"))

    __table_args__ = (Index("presence_worker_id_idx", "worker_id"), {"prefixes": ["UNLOGGED"]})
