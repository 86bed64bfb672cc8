"""Uploaded avatars."""

from sqlalchemy import String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt


class Avatar(Base):
    """The files of an avatar of a user or a group; deleted once that has another one.

    `folder_id` names the upload folder or bucket that contains them.
    """

    __tablename__ = "avatars"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    chat_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    folder_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    created_at: Mapped[CreatedAt]
