"""Uploaded files."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from chatapp.core.db import Base
from chatapp.models.columns import CreatedAt, Id, UserRef


class Upload(Base):
    """A stored file. `name` is its random name in the storage and in URLs, `file_name` the name that users see.

    Messages reference it; without one it is deleted later: see `UnreferencedUpload`. `folder_id` names its upload
    folder or bucket; null for uploads from before folders had ids.
    """

    __tablename__ = "uploads"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    thumbnail: Mapped[str | None] = mapped_column(String(80), unique=True)
    secret: Mapped[str] = mapped_column(Uuid(as_uuid=False), server_default=text("gen_random_uuid()"))
    user_id: Mapped[UserRef]
    chat_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False), ForeignKey("chats.id", ondelete="SET NULL"))
    type: Mapped[str] = mapped_column(String(5))
    media_type: Mapped[str] = mapped_column(String(100))
    file_name: Mapped[str] = mapped_column(String(255))
    file_size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    folder_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("type IN ('IMAGE', 'FILE')", name="uploads_type_check"),
        Index("uploads_user_id_idx", "user_id"),
        Index("uploads_chat_id_idx", "chat_id"),
        Index("uploads_folder_id_idx", "folder_id"),
    )


class UnreferencedUpload(Base):
    """An upload that may be unreferenced: a trigger records those of messages that are deleted with their chat.

    Without a foreign key, so that the deletion of a chat does not wait for that of a file.
    """

    __tablename__ = "unreferenced_uploads"

    upload_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)


class DeletedFile(Base):
    """The name of a deleted upload's file or thumbnail that the storage with that `folder_id` has to delete."""

    __tablename__ = "deleted_files"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    folder_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
