"""Earlier texts of edited messages."""

from datetime import datetime

from sqlalchemy import SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import MessageRef, Moment


class MessageVersion(Base):
    """A text that a message had from `at` on, until an edit. The current text is in the message only."""

    __tablename__ = "message_versions"

    message_id: Mapped[MessageRef] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    content: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)
