"""Where a bot is in each chat, and where it stores that."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from os import PathLike
from typing import NamedTuple, Protocol


class Position(NamedTuple):
    """The last change that a bot knows of a chat, and the number of the last message that it handled."""

    rev: int
    seq: int


class Storage(Protocol):
    """Stores the positions of a bot, so that it continues after a restart where it was."""

    def load(self) -> Mapping[str, Position]:
        """The position in each chat; empty before the first start."""

    def save(self, positions: Mapping[str, Position | None]) -> None:
        """Store the given positions, all or none; None removes one."""


class MemoryStorage:
    """Forgets everything at the end of the process: the bot then starts with the messages sent from its next start on."""

    def load(self) -> Mapping[str, Position]:
        """Nothing."""
        return {}

    def save(self, positions: Mapping[str, Position | None]) -> None:
        """Do nothing."""


class FileStorage:
    """Stores positions in a file, an SQLite database. Each bot needs a file of its own."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path
        with self._open() as db:
            db.execute("CREATE TABLE IF NOT EXISTS positions (chat TEXT PRIMARY KEY, rev INTEGER, seq INTEGER)")

    def load(self) -> Mapping[str, Position]:
        """The stored positions."""
        with self._open() as db:
            rows = db.execute("SELECT chat, rev, seq FROM positions").fetchall()
        return {chat: Position(rev, seq) for chat, rev, seq in rows}

    def save(self, positions: Mapping[str, Position | None]) -> None:
        """Store the given positions in one transaction."""
        with self._open() as db, db:
            for chat, position in positions.items():
                if position:
                    db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (chat, *position))
                else:
                    db.execute("DELETE FROM positions WHERE chat = ?", (chat,))

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._path))
