"""Mentions of users in messages."""

from sqlalchemy import BigInteger, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import MessageRef


class Mention(Base):
    """A message that mentions a user by id. The columns of the message save a join when mentions are counted.

    A row can remain of a user who left while the message was sent: queries check the membership.
    """

    __tablename__ = "mentions"

    user_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    chat_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message_id: Mapped[MessageRef]
    sender_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))

    __table_args__ = (
        Index("mentions_message_id_idx", "message_id"),
        Index("mentions_user_id_message_id_idx", "user_id", "message_id"),
    )
