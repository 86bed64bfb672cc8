"""Keeps files, and lets go of them."""

import time
from collections.abc import Sequence

import structlog
from sqlalchemy import Connection, text

from chatapp.core.unit_of_work import unit_of_work
from chatapp.files import queries
from chatapp.files.storage import storage

log = structlog.get_logger()

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
    kept = [name for name, since in storage().names() if since < old]
    for start in range(0, len(kept), AT_ONCE):
        unknown = queries.unknown_names(kept[start : start + AT_ONCE])
        erase(unknown)
        removed += len(unknown)
    return removed
