"""Keeps files, and lets go of them."""

import math
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import IO, NamedTuple

import structlog
from sqlalchemy import Connection, insert, select, text

from chatapp.core.errors import ChatError, Json, Unavailable
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.core.offload import FairThread
from chatapp.core.unit_of_work import unit_of_work
from chatapp.core.uploads import UploadedFile, not_stored
from chatapp.files import queries
from chatapp.files.images import THUMBNAIL_TYPE, Picture, examine, render
from chatapp.files.kinds import Kind, claimed_kind, verify
from chatapp.files.queries import StoredFile
from chatapp.files.storage import LocalStorage, storage
from chatapp.models import Upload

log = structlog.get_logger()

# One image at a time on each of these threads, by the work that it is: the first one whose bounds it is within. They bound
# the memory for images too. A file that is no image has a thread for itself, and never waits for one.
_FILES = FairThread()


class _ImageQueue(NamedTuple):
    thread: FairThread
    max_work: float  # Pixels to decode, over all scans.
    max_bytes: float  # Of the file.


_SMALL = _ImageQueue(FairThread(), 2_000_000, 256 * 1024)
_MEDIUM = _ImageQueue(FairThread(), 25_000_000, math.inf)
_LARGE = _ImageQueue(FairThread(), math.inf, math.inf)

_reported_folders: set[str] = set()
_LOCK = text("SELECT FROM uploads WHERE id = :id FOR UPDATE")
_DELETE_UNREFERENCED = text(
    """
    WITH gone AS (
        DELETE FROM uploads f WHERE f.id = :id AND NOT EXISTS (SELECT FROM messages m WHERE m.upload_id = f.id)
        RETURNING f.name, f.thumbnail, f.folder_id
    ), unnoted AS (
        DELETE FROM unreferenced_uploads WHERE upload_id = :id
    )
    INSERT INTO deleted_files (name, folder_id)
    SELECT n.name, gone.folder_id FROM gone, unnest(ARRAY[gone.name, gone.thumbnail]) n (name) WHERE n.name IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING name, folder_id::text
    """
)
# Each server deletes what is in its own folder.
_NEXT_UNREFERENCED = text(
    """
    DELETE FROM unreferenced_uploads WHERE upload_id = (
        SELECT n.upload_id FROM unreferenced_uploads n LEFT JOIN uploads f ON f.id = n.upload_id
        WHERE f.folder_id IS NULL OR f.folder_id = :own LIMIT 1 FOR UPDATE OF n SKIP LOCKED
    ) RETURNING upload_id::text
    """
)
_FORGET = text("DELETE FROM deleted_files WHERE name = ANY(CAST(:names AS text[]))")
# What is younger may belong to a message that is about to be sent.
RUBBISH_SECONDS = 3600
AT_ONCE = 1000


@dataclass
class PendingUpload:
    """A stored upload, which is deleted unless it is committed."""

    file: StoredFile
    committed: bool = False

    def commit(self) -> None:
        """Keep the file: a message references it."""
        self.committed = True


@contextmanager
def store_upload(actor: Actor, chat_id: str, file: UploadedFile) -> Iterator[PendingUpload]:
    """Validate and store an upload; deleted on exit unless committed.

    Raises UnsupportedType for a file whose type is not accepted, or differs from its name and declared type;
    Unavailable when it can't be stored.
    """
    kind = claimed_kind(file.name, file.declared)
    picture = _examine(actor, kind, file)
    content = BytesIO(picture.content) if picture else file.file
    name = f"{secrets.token_hex(16)}.{kind.extension}"
    upload: Json = {
        "id": new_id(),
        "name": name,
        "thumbnail": f"{secrets.token_hex(16)}.webp" if picture else None,
        "user_id": actor.user_id,
        "chat_id": chat_id,
        "type": kind.message_type,
        "media_type": kind.media_type,
        "file_name": file.name,
        "file_size": len(picture.content) if picture else file.size,
        "width": picture and picture.width,
        "height": picture and picture.height,
        "folder_id": None,
    }
    pending = PendingUpload(StoredFile(upload["id"], kind.message_type))
    try:
        upload["folder_id"] = _folder_id()
        _save(name, content, kind.media_type)
        if picture:
            _save(upload["thumbnail"], BytesIO(picture.thumbnail), THUMBNAIL_TYPE)
        with unit_of_work() as work:
            work.db.execute(insert(Upload).values(upload))
        yield pending
    finally:
        if not pending.committed:
            _discard(upload)


def _examine(actor: Actor, kind: Kind, file: UploadedFile) -> Picture | None:
    """Verify a file, and decode it if it is an image, when it is the turn of this user."""
    if not kind.format:
        _FILES.run_for(actor.user_id, verify, kind, file.file)
        return None
    queue = _SMALL if file.size <= _SMALL.max_bytes else _MEDIUM
    examined = queue.thread.run_for(actor.user_id, examine, kind, file.file)
    queue = next(other for other in (queue, _MEDIUM, _LARGE) if examined.work <= other.max_work)
    return queue.thread.run_for(actor.user_id, render, examined)


def _folder_id() -> str | None:
    """The id of this server's upload folder or bucket; None while the folder can't be read."""
    with suppress(OSError, ValueError):
        return storage().folder_id()
    return None


def _save(name: str, content: IO[bytes], media_type: str) -> None:
    content.seek(0)
    try:
        storage().save(name, content, media_type)
    except Exception as error:  # Whatever a disk or a bucket has.
        raise not_stored(error) from error


def _discard(upload: Json) -> None:
    """Undo keeping a file, unless a message has it: one that was committed when the answer was lost."""
    try:
        with unit_of_work() as work:
            names = delete_unreferenced(work.db, upload["id"])
            known = work.db.scalar(select(Upload.id).where(Upload.id == upload["id"]))
    except ChatError as error:
        log.warning("file_not_deleted", error=error.code)
        return
    if not known:
        delete_stored(names or [name for name in (upload["name"], upload["thumbnail"]) if name])


def delete_unreferenced(db: Connection, upload_id: str) -> list[str]:
    """Forget a file if no message has it any more: the names of what is stored of it, to `delete_stored` after the commit.

    Waits for messages that are being sent with it. The names stay in `deleted_files` until they are erased, whatever
    becomes of this process. What is in the folder of another server is left to that one.
    """
    db.execute(_LOCK, {"id": upload_id})
    names = db.execute(_DELETE_UNREFERENCED, {"id": upload_id}).all()
    own = _folder_id() if names else None
    return [name for name, folder_id in names if folder_id is None or folder_id == own]


def delete_stored(names: Sequence[str]) -> None:
    """Delete files that no upload has any more from the storage. What fails is tried again by `purge_leftovers`."""
    if not names:
        return
    try:
        storage().delete(names)
    except Exception as error:
        log.warning("files_not_deleted", count=len(names), error=type(error).__name__)
        return
    # Without the database they stay noted, and are deleted once more later.
    with suppress(Unavailable), unit_of_work(single=True) as work:
        work.db.execute(_FORGET, {"names": list(names)})


def purge_unreferenced() -> None:
    """Delete the files of deleted chats, each in a transaction of its own (a background task)."""
    own = _folder_id()
    while own:
        with unit_of_work() as work:
            upload_id = work.db.scalar(_NEXT_UNREFERENCED, {"own": own})
            names = delete_unreferenced(work.db, upload_id) if upload_id else []
        if not upload_id:
            return
        delete_stored(names)


def purge_leftovers() -> None:
    """Delete from the storage what an interruption, or a failure of the storage, left of deleted files (a background
    task)."""
    own = _folder_id()
    while own and (names := queries.deleted_names(own, AT_ONCE)):
        delete_stored(names)
        if queries.deleted_names(own, 1) == names[:1]:
            return  # The storage fails.


def check_folder() -> None:
    """Log a warning when uploads are in other folders than this server's, once for each (a background task)."""
    if not isinstance(storage(), LocalStorage) or not (own := _folder_id()):
        return
    others = queries.other_folders(own)
    if others.keys() - _reported_folders:
        _reported_folders.update(others)
        log.warning("upload_folders_differ", own=own, others=others)


def sweep() -> int:
    """Take away what has no message, and has had none for `RUBBISH_SECONDS`: how many files and thumbnails."""
    removed = 0
    for upload_id in queries.unused_uploads(RUBBISH_SECONDS):
        with unit_of_work() as work:
            names = delete_unreferenced(work.db, upload_id)
        delete_stored(names)
        removed += len(names)
    old = time.time() - RUBBISH_SECONDS
    # In a folder or a bucket that is shared with others, theirs are let alone.
    stored = [name for name, since in storage().names() if since < old and queries.is_stored_name(name)]
    for start in range(0, len(stored), AT_ONCE):
        unknown = queries.unknown_names(stored[start : start + AT_ONCE])
        delete_stored(unknown)
        removed += len(unknown)
    return removed
