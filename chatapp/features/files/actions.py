"""Actions on files: store, delete, clean up."""

import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import IO, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, insert, select, text

from chatapp.core.errors import ChatError, Json, Unavailable
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.core.offload import FairThread
from chatapp.core.unit_of_work import unit_of_work
from chatapp.core.uploads import UploadedFile, not_stored
from chatapp.features.files import queries
from chatapp.features.files.images import THUMBNAIL_TYPE, Examined, Picture, examine, render
from chatapp.features.files.kinds import Kind, claimed_kind, verify
from chatapp.features.files.queries import StoredFile
from chatapp.features.files.storage import LocalStorage, storage
from chatapp.models import Upload

D = TypeVar("D")

log = structlog.get_logger()

# One image at a time per thread, in the first queue whose bounds it is within; this also bounds the memory for
# images. Other files have their own thread and never wait for images.
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
# Each server deletes files in its own folder.
_NEXT_UNREFERENCED = text(
    """
    DELETE FROM unreferenced_uploads WHERE upload_id = (
        SELECT n.upload_id FROM unreferenced_uploads n LEFT JOIN uploads f ON f.id = n.upload_id
        WHERE f.folder_id IS NULL OR f.folder_id = :own LIMIT 1 FOR UPDATE OF n SKIP LOCKED
    ) RETURNING upload_id::text
    """
)
_FORGET = text("DELETE FROM deleted_files WHERE name = ANY(CAST(:names AS text[]))")
# Younger files may belong to a message that is about to be sent.
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
        upload["folder_id"] = current_folder_id()
        save(name, content, kind.media_type)
        if picture:
            save(upload["thumbnail"], BytesIO(picture.thumbnail), THUMBNAIL_TYPE)
        with unit_of_work() as work:
            work.db.execute(insert(Upload).values(upload))
        yield pending
    finally:
        if not pending.committed:
            _discard(upload)


def _examine(actor: Actor, kind: Kind, file: UploadedFile) -> Picture | None:
    """Verify a file, and decode it if it is an image, in this user's turn."""
    if not kind.format:
        _FILES.run_for(actor.user_id, verify, kind, file.file)
        return None
    return decode_in_turn(actor.user_id, kind, file, render)


def decode_in_turn(user_id: str, kind: Kind, file: UploadedFile, decode: Callable[[Examined], D]) -> D:
    """Verify an image and `decode` it, in the turn of a user or an API key."""
    queue = _SMALL if file.size <= _SMALL.max_bytes else _MEDIUM
    examined = queue.thread.run_for(user_id, examine, kind, file.file)
    queue = next(other for other in (queue, _MEDIUM, _LARGE) if examined.work <= other.max_work)
    return queue.thread.run_for(user_id, decode, examined)


def current_folder_id() -> str | None:
    """The id of this server's upload folder or bucket; None while the folder can't be read."""
    with suppress(OSError, ValueError):
        return storage().folder_id()
    return None


def save(name: str, content: IO[bytes], media_type: str) -> None:
    """Store a file; raises Unavailable (`storage_unavailable`)."""
    content.seek(0)
    try:
        storage().save(name, content, media_type)
    except Exception as error:  # Any error of a disk or bucket.
        raise not_stored(error) from error


def _discard(upload: Json) -> None:
    """Undo an upload unless a message references it, committed although the response was lost."""
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
    """Delete an upload that no message references; returns the names of its stored files, for `delete_stored` after the
    commit.

    Waits for concurrent sends of the file. The names stay in `deleted_files` until the files are deleted, even if this
    process is killed. Files in the folder of another server are left to that server.
    """
    db.execute(_LOCK, {"id": upload_id})
    names = db.execute(_DELETE_UNREFERENCED, {"id": upload_id}).all()
    own = current_folder_id() if names else None
    return [name for name, folder_id in names if folder_id is None or folder_id == own]


def delete_stored(names: Sequence[str]) -> None:
    """Delete files of deleted uploads from the storage; failures are retried by `purge_leftovers`."""
    if not names:
        return
    try:
        storage().delete(names)
    except Exception as error:
        log.warning("files_not_deleted", count=len(names), error=type(error).__name__)
        return
    # Without the database the names stay recorded, and the files are deleted once more later.
    with suppress(Unavailable), unit_of_work(single=True) as work:
        work.db.execute(_FORGET, {"names": list(names)})


def purge_unreferenced() -> None:
    """Delete the files of deleted chats, one per transaction (a background task)."""
    own = current_folder_id()
    while own:
        with unit_of_work() as work:
            upload_id = work.db.scalar(_NEXT_UNREFERENCED, {"own": own})
            names = delete_unreferenced(work.db, upload_id) if upload_id else []
        if not upload_id:
            return
        delete_stored(names)


def purge_leftovers() -> None:
    """Delete files that an interruption or a storage failure left behind (a background task)."""
    own = current_folder_id()
    while own and (names := queries.deleted_names(own, AT_ONCE)):
        delete_stored(names)
        if queries.deleted_names(own, 1) == names[:1]:
            return  # The storage fails.


def check_folder() -> None:
    """Log a warning once per folder if uploads are in other folders than this server's (a background task)."""
    if not isinstance(storage(), LocalStorage) or not (own := current_folder_id()):
        return
    others = queries.other_folders(own)
    if others.keys() - _reported_folders:
        _reported_folders.update(others)
        log.warning("upload_folders_differ", own=own, others=others)


def sweep() -> int:
    """Delete files without a message that are older than `RUBBISH_SECONDS`; returns the number of files and thumbnails."""
    removed = 0
    for upload_id in queries.unused_uploads(RUBBISH_SECONDS):
        with unit_of_work() as work:
            names = delete_unreferenced(work.db, upload_id)
        delete_stored(names)
        removed += len(names)
    if not queries.any_upload():
        # Probably a new database, or the address of another one: the files may belong to one that comes back.
        return removed
    old = time.time() - RUBBISH_SECONDS
    # Files of others in a shared folder or bucket are left alone.
    stored = [name for name, since in storage().names() if since < old and queries.is_stored_name(name)]
    for start in range(0, len(stored), AT_ONCE):
        unknown = queries.unknown_names(stored[start : start + AT_ONCE])
        delete_stored(unknown)
        removed += len(unknown)
    return removed
