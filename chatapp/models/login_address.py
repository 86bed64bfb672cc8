"""Addresses from which users logged in, as keyed hashes only."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import Moment


class LoginAddress(Base):
    """A client address from which a user has logged in; login attempts from it have their own limit."""

    __tablename__ = "login_addresses"

    user_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    address_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    last_login_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())

    __table_args__ = (Index("login_addresses_last_login_at_idx", "last_login_at"),)
