"""The index of the search, which follows the messages after their commits."""

from sqlalchemy import Index, SmallInteger, Uuid, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import Counter


class MessageWords(Base):
    """The words of a message, and what else can be searched for (`features/search/words.py`).

    There are no foreign keys: they would lock the rows of chats and messages, and a job deletes what is left.
    """

    __tablename__ = "message_words"

    # Ids sort by time: the newest messages of a chat are at the end of the index.
    chat_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    message_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    sender_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    words: Mapped[str] = mapped_column(TSVECTOR)

    __table_args__ = (
        # Searches read the list of entries that are not merged yet, which is therefore short.
        Index(
            "message_words_words_idx",
            "words",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
        ),
    )


class ChatSearch(Base):
    """Up to which `rev` the messages of a chat are indexed, by the rules of which `version`."""

    __tablename__ = "chat_search"

    chat_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    indexed_rev: Mapped[Counter]
    version: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
