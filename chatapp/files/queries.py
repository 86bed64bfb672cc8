"""Reads which files there are, and who may have them."""

import re
from dataclasses import dataclass

from sqlalchemy import text

from chatapp.core.db import reading
from chatapp.core.identity import Actor

# A file is visible to whoever is in a chat where a message stands that has it.
_FORWARDABLE = text(
    """
    SELECT f.id::text, f.type FROM uploads f
    WHERE f.name = :name AND EXISTS (
        SELECT FROM messages m JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
        WHERE m.upload_id = f.id AND m.deleted_at IS NULL
    )
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
    """
)
_FILE_URL = re.compile(r"/uploads/([0-9a-f]{32}\.[a-z]{3,4})(\?.*)?")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that a message can be sent with; `type` is the type of that message."""

    id: str
    type: str


def name_in(file_url: str) -> str | None:
    """The random name of the file that a `fileUrl` is of, however old its signature is."""
    match = _FILE_URL.fullmatch(file_url)
    return match[1] if match else None


def find_forwardable(actor: Actor, file_url: str) -> KeptFile | None:
    """The file of that `fileUrl`, if it stands in a chat of the actor's."""
    with reading() as db:
        row = db.execute(_FORWARDABLE, {"name": name_in(file_url), "user_id": actor.user_id}).first()
    return KeptFile(**row._mapping) if row else None


def unused_uploads(seconds: int) -> list[str]:
    """The ids of the files that no message has, and that came more than `seconds` ago."""
    with reading() as db:
        return list(db.execute(_UNUSED, {"seconds": seconds}).scalars())


def unknown_names(names: list[str]) -> list[str]:
    """Those of `names` that no file and no thumbnail has."""
    with reading() as db:
        return list(db.execute(_UNKNOWN, {"names": names}).scalars())
