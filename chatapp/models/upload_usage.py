"""Upload quotas."""

from datetime import date

from sqlalchemy import ARRAY, ForeignKey, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import Counter


class UploadUsage(Base):
    """The bytes that a user uploaded on a `day` (UTC), and the worker of each of their uploads in progress."""

    __tablename__ = "upload_usage"

    user_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date]
    bytes: Mapped[Counter]
    in_progress: Mapped[list[str]] = mapped_column(ARRAY(Uuid(as_uuid=False)))
