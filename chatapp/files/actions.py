"""Keeps files, and lets go of them."""

import math
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, NamedTuple

import structlog
from sqlalchemy import Connection, insert, select, text

from chatapp.core.errors import ChatError, Json
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.core.incoming import Incoming, not_stored
from chatapp.core.offload import FairThread
from chatapp.core.unit_of_work import unit_of_work
from chatapp.files import queries
from chatapp.files.images import THUMBNAIL_TYPE, Picture, examine, render
from chatapp.files.kinds import Kind, claimed_kind, verify
from chatapp.files.queries import KeptFile
from chatapp.files.storage import storage
from chatapp.models import Upload

log = structlog.get_logger()

# One image at a time on each of these threads, by the work that it is: the first one whose bounds it is within. They bound
# the memory for images too. A file that is no image has a thread for itself, and never waits for one.
_FILES = FairThread()


class _Lane(NamedTuple):
    thread: FairThread
    max_work: float  # Pixels to decode, over all scans.
    max_bytes: float  # Of the file.


_SMALL = _Lane(FairThread(), 2_000_000, 256 * 1024)
_MEDIUM = _Lane(FairThread(), 25_000_000, math.inf)
_LARGE = _Lane(FairThread(), math.inf, math.inf)

_LOCK = text("SELECT FROM uploads WHERE id = :id FOR UPDATE")
_RELEASE = text(
    """
    DELETE FROM uploads f WHERE f.id = :id AND NOT EXISTS (SELECT FROM messages m WHERE m.upload_id = f.id)
    RETURNING f.name, f.thumbnail
    """
)
# What is younger may belong to a message that is about to be sent.
RUBBISH_SECONDS = 3600
AT_ONCE = 1000


@dataclass
class Keeping:
    """A file that is kept; only for as long as it is `wanted` in the end."""

    file: KeptFile
    wanted: bool = False


@contextmanager
def kept(actor: Actor, chat_id: str, incoming: Incoming) -> Iterator[Keeping]:
    """Look at a file and keep it. If nobody says that it is `wanted`, it is gone after the block.

    Raises UnsupportedType for what is not taken, or is not what its name and declared type say; Unavailable when it
    can't be stored.
    """
    kind = claimed_kind(incoming.name, incoming.declared)
    picture = _examine(actor, kind, incoming)
    content = BytesIO(picture.content) if picture else incoming.file
    name = f"{secrets.token_hex(16)}.{kind.extension}"
    upload: Json = {
        "id": new_id(),
        "name": name,
        "thumbnail": f"{secrets.token_hex(16)}.webp" if picture else None,
        "user_id": actor.user_id,
        "chat_id": chat_id,
        "type": kind.message_type,
        "media_type": kind.media_type,
        "file_name": incoming.name,
        "file_size": len(picture.content) if picture else incoming.size,
        "width": picture and picture.width,
        "height": picture and picture.height,
    }
    keeping = Keeping(KeptFile(upload["id"], kind.message_type))
    try:
        _save(name, content, kind.media_type)
        if picture:
            _save(upload["thumbnail"], BytesIO(picture.thumbnail), THUMBNAIL_TYPE)
        with unit_of_work() as work:
            work.db.execute(insert(Upload).values(upload))
        yield keeping
    finally:
        if not keeping.wanted:
            _discard(upload)


def _examine(actor: Actor, kind: Kind, incoming: Incoming) -> Picture | None:
    """Verify a file, and decode it if it is an image, when it is the turn of this user."""
    if not kind.format:
        _FILES.run_for(actor.user_id, verify, kind, incoming.file)
        return None
    lane = _SMALL if incoming.size <= _SMALL.max_bytes else _MEDIUM
    examined = lane.thread.run_for(actor.user_id, examine, kind, incoming.file)
    lane = next(other for other in (lane, _MEDIUM, _LARGE) if examined.work <= other.max_work)
    return lane.thread.run_for(actor.user_id, render, examined)


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
            names = release(work.db, upload["id"])
            known = work.db.scalar(select(Upload.id).where(Upload.id == upload["id"]))
    except ChatError as error:
        log.warning("a file is left to housekeeping", error=error.code)
        return
    if not known:
        erase(names or [name for name in (upload["name"], upload["thumbnail"]) if name])


def release(db: Connection, upload_id: str) -> list[str]:
    """Forget a file if no message has it any more: the names that it was kept under, to `erase` after the commit.

    Whoever sends it at this moment has it locked, and is waited for.
    """
    db.execute(_LOCK, {"id": upload_id})
    row = db.execute(_RELEASE, {"id": upload_id}).first()
    return [name for name in row if name] if row else []


def erase(names: Sequence[str]) -> None:
    """Take away what nothing refers to any more. What fails is left to housekeeping."""
    try:
        storage().delete(names)
    except Exception as error:
        log.warning("files are left behind", count=len(names), error=type(error).__name__)


def sweep() -> int:
    """Take away what has no message, and has had none for `RUBBISH_SECONDS`: how many files and thumbnails."""
    removed = 0
    for upload_id in queries.unused_uploads(RUBBISH_SECONDS):
        with unit_of_work() as work:
            names = release(work.db, upload_id)
        erase(names)
        removed += len(names)
    old = time.time() - RUBBISH_SECONDS
    # In a folder or a bucket that is shared with others, theirs are let alone.
    kept = [name for name, since in storage().names() if since < old and queries.is_kept_name(name)]
    for start in range(0, len(kept), AT_ONCE):
        unknown = queries.unknown_names(kept[start : start + AT_ONCE])
        erase(unknown)
        removed += len(unknown)
    return removed
