"""Queries of files and of their visibility."""

import hmac
import re
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, TextClause, text

from chatapp.core.db import reading
from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor
from chatapp.representations.message import IS_FOUND_MESSAGE

# A file is visible to the members of chats with a message that contains it, unless they cleared or hid that.
_IS_VISIBLE = f"""EXISTS (
        SELECT FROM messages m JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
        WHERE m.upload_id = f.id AND m.deleted_at IS NULL AND {IS_FOUND_MESSAGE}
    )"""
_FORWARDABLE = text(
    f"""
    SELECT f.id::text, f.type FROM uploads f
    WHERE f.name = :name AND {_IS_VISIBLE}
    """
)
# A name is the name of a file, or of its thumbnail.
_FOUND = """
    SELECT :name AS name, CASE WHEN f.name = :name THEN f.file_name ELSE 'thumbnail.webp' END AS file_name,
           CASE WHEN f.name = :name THEN f.media_type ELSE 'image/webp' END AS media_type, f.folder_id::text AS folder_id, %s
    FROM uploads f WHERE :name IN (f.name, f.thumbnail)
"""
_SIGNED = text(
    _FOUND
    % """
    file_signature(:name, f.secret, CAST(:message_id AS uuid), :expires) AS signature,
    EXISTS (
        SELECT FROM messages m JOIN chats c ON c.id = m.chat_id AND NOT c.is_deleted
        WHERE m.id = :message_id AND m.upload_id = f.id AND m.deleted_at IS NULL
    ) AS stands
    """
)
_VISIBLE = text(
    _FOUND
    % f"""
    {_IS_VISIBLE} AS stands
    """
)
_UNUSED = text(
    """
    SELECT f.id::text FROM uploads f
    WHERE f.created_at < now() - make_interval(secs => :seconds)
    AND NOT EXISTS (SELECT FROM messages m WHERE m.upload_id = f.id)
    """
)
_UNKNOWN = text(
    """
    SELECT n.name FROM unnest(CAST(:names AS text[])) n (name)
    WHERE NOT EXISTS (SELECT FROM uploads f WHERE f.name = n.name)
    AND NOT EXISTS (SELECT FROM uploads f WHERE f.thumbnail = n.name)
    AND NOT EXISTS (SELECT FROM avatars a WHERE a.name = regexp_replace(n.name, '-[0-9]+', ''))
    """
)
_ANY = text("SELECT EXISTS (SELECT FROM uploads)")
_DELETED = text("SELECT name FROM deleted_files WHERE folder_id IS NULL OR folder_id = :own ORDER BY name LIMIT :limit")
_OTHER_FOLDERS = text(
    """
    SELECT folder_id::text, count(*) FROM uploads WHERE folder_id < :own OR folder_id > :own GROUP BY folder_id
    """
)
_NO_FOLDER = "00000000-0000-0000-0000-000000000000"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECONDS = re.compile("[0-9]{1,12}")
_NAME = re.compile(r"[0-9a-f]{32}\.[a-z]{3,4}")
# An avatar is stored in two sizes.
_STORED_NAME = re.compile(r"[0-9a-f]{32}(-[0-9]{2,3})?\.[a-z]{3,4}(\.part)?")
_FILE_URL = re.compile(rf"/uploads/({_NAME.pattern})(\?.*)?")


@dataclass(frozen=True, slots=True)
class Download:
    """A file or thumbnail for download: its name in the storage, its file name, and its type.

    `folder_id` is the id of the upload folder in which it was stored, if the folder had one.
    """

    name: str
    file_name: str
    media_type: str
    folder_id: str | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file for a message; `type` is the type of that message."""

    id: str
    type: str


def is_stored_name(name: str) -> bool:
    """True for a complete or partial file name of this server's pattern."""
    return _STORED_NAME.fullmatch(name) is not None


def name_in(file_url: str) -> str | None:
    """The random name in a `fileUrl`, whatever the age of its signature."""
    match = _FILE_URL.fullmatch(file_url)
    return match[1] if match else None


def find_forwardable(actor: Actor, file_url: str) -> StoredFile | None:
    """The file of a `fileUrl`, if a chat of the actor contains it."""
    with reading() as db:
        row = db.execute(_FORWARDABLE, {"name": name_in(file_url), "user_id": actor.user_id}).first()
    return StoredFile(**row._mapping) if row else None


def find_signed(name: str, *, message_id: str, expires: str, signature: str) -> Download | None:
    """The file or thumbnail, if the signature of its URL is valid; otherwise None.

    Raises NotFound if it or its message was deleted.
    """
    if not (_ID.fullmatch(message_id) and _SECONDS.fullmatch(expires) and time.time() < int(expires)):
        return None
    found = _find(_SIGNED, name, message_id=message_id, expires=int(expires))
    if found and not hmac.compare_digest(found.signature, signature.encode("ascii", "replace").decode()):
        return None
    # Without a record the signature can't be checked; that the file is gone is no secret to a client that knew its
    # name.
    return _standing(found)


def find_visible(actor: Actor, name: str) -> Download:
    """The file or thumbnail; raises NotFound if no chat of the actor contains it."""
    return _standing(_find(_VISIBLE, name, user_id=actor.user_id))


def _find(statement: TextClause, name: str, **values: object) -> Row[Any] | None:
    if not _NAME.fullmatch(name):
        return None
    with reading() as db:
        return db.execute(statement, {"name": name} | values).first()


def _standing(found: Row[Any] | None) -> Download:
    if found is None or not found.stands:
        raise NotFound("File not found.")
    return Download(found.name, found.file_name, found.media_type, found.folder_id)


def unused_uploads(seconds: int) -> list[str]:
    """The ids of files without a message that are older than `seconds`."""
    with reading() as db:
        return list(db.execute(_UNUSED, {"seconds": seconds}).scalars())


def any_upload() -> bool:
    """True if the database knows any file."""
    with reading() as db:
        return bool(db.execute(_ANY).scalar_one())


def unknown_names(names: list[str]) -> list[str]:
    """Those of `names` that belong to no file, no thumbnail and no avatar."""
    with reading() as db:
        return list(db.execute(_UNKNOWN, {"names": names}).scalars())


def deleted_names(own: str, limit: int) -> list[str]:
    """The names of deleted files that the storage with the id `own` may still contain."""
    with reading() as db:
        return list(db.execute(_DELETED, {"own": own, "limit": limit}).scalars())


def other_folders(own: str | None) -> dict[str, int]:
    """The ids of upload folders other than `own` with files, and their number of files."""
    with reading() as db:
        rows = db.execute(_OTHER_FOLDERS, {"own": own or _NO_FOLDER})
        return {row[0]: row[1] for row in rows}
