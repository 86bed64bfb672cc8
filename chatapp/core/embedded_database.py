"""Where the embedded PostgreSQL of a development machine is, which `chatapp/launcher` starts: the default of
`DATABASE_URL`."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import quote

PORT = 5432
MAX_SOCKET_PATH = 100  # bytes; the kernel takes 107, macOS 103


def socket_folder(folder: Path) -> Path:
    """The folder of the server's socket: `folder`, or one in /tmp if that path is too long or has special characters."""
    folder = folder.resolve()
    # Server and driver split this setting at commas, among others.
    plain = re.fullmatch(r"[\w./+@-]+", str(folder), re.ASCII)
    if plain and len(f"{folder}/.s.PGSQL.{PORT}") <= MAX_SOCKET_PATH:
        return folder
    short = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path("/tmp", f"chatapp-{short}")  # noqa: S108 - no shorter path is on every system; it is checked to be ours


def default_url(folder: Path, database: str) -> str:
    """The SQLAlchemy URL of `database` on the server in `folder`, running or not."""
    host = quote(str(socket_folder(folder)))
    return f"postgresql+psycopg2://postgres@/{quote(database, safe='')}?host={host}&port={PORT}"
