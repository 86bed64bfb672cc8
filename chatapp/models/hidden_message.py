"""Messages that users deleted for themselves."""

from sqlalchemy import BigInteger, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import MessageRef, UserRef


class HiddenMessage(Base):
    """A message that is a tombstone for one user. `members.has_hidden` tells whether a member has any in the chat."""

    __tablename__ = "hidden_messages"

    user_id: Mapped[UserRef] = mapped_column(primary_key=True)
    message_id: Mapped[MessageRef] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    me_rev: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("hidden_messages_message_id_idx", "message_id"),
        Index("hidden_messages_user_id_chat_id_idx", "user_id", "chat_id"),
        Index("hidden_messages_user_id_me_rev_idx", "user_id", "me_rev"),
    )
