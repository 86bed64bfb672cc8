"""Storage of files under random names: a folder of this machine, or an S3 bucket."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol
from uuid import UUID

from chatapp.core.application import PerApplication
from chatapp.core.ids import new_id
from chatapp.core.offload import in_thread
from chatapp.core.settings import Settings

_PART = ".part"
_ID = ".folder-id"


class Storage(Protocol):
    """A storage backend. Every call may wait for a disk or a network while other greenlets run."""

    def folder_id(self) -> str:
        """The id of this folder or bucket, the same on every server that uses it; raises OSError."""

    def save(self, name: str, content: IO[bytes], media_type: str) -> None:
        """Store all of `content` durably, or nothing of it."""

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None if there is none."""

    def delete(self, names: Iterable[str]) -> None:
        """Delete these files, and what interruptions left of them; unknown names are ignored."""

    def names(self) -> Iterator[tuple[str, float]]:
        """All stored names with their time (seconds since the epoch), including partial files of interrupted uploads."""


class LocalStorage:
    """A folder, private to the account of the server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """The path of a file."""
        return self._folder / name

    def folder_id(self) -> str:
        """The id of this folder, which it keeps wherever it is mounted or moved; the first server creates it.

        Read each time, since another folder may be mounted in its place. Raises OSError.
        """
        return in_thread(self._folder_id)

    def known_folder_id(self) -> str | None:
        """The id of this folder if it has one already."""
        with suppress(FileNotFoundError):
            return str(UUID((self._folder / _ID).read_text().strip()))
        return None

    def _folder_id(self) -> str:
        if known := self.known_folder_id():
            return known
        path = self._folder / _ID
        draft = self._folder / f"{_ID}-{secrets.token_hex(8)}"
        try:
            draft.write_text(f"{new_id()}\n")
            # A link fails if the name exists: of two servers that start at once, one's id wins.
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return str(UUID(path.read_text().strip()))

    def save(self, name: str, content: IO[bytes], media_type: str) -> None:
        in_thread(self._save, name, content)

    def _save(self, name: str, content: IO[bytes]) -> None:
        part = self._folder / (name + _PART)
        try:
            with open(part, "xb", opener=_privately) as file:
                shutil.copyfileobj(content, file, 2**20)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._folder / name)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def read(self, name: str) -> bytes | None:
        try:
            return in_thread((self._folder / name).read_bytes)
        except FileNotFoundError:
            return None

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            in_thread((self._folder / name).unlink, missing_ok=True)
            in_thread((self._folder / (name + _PART)).unlink, missing_ok=True)

    def names(self) -> Iterator[tuple[str, float]]:
        yield from in_thread(self._names)

    def _names(self) -> list[tuple[str, float]]:
        names = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # Deleted since it was listed.
                    names.append((entry.name, entry.stat().st_mtime))
        return names


def _privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Bucket(Storage, Protocol):
    """A backend from which clients fetch files directly."""

    def sources(self) -> tuple[str, ...]:
        """URL prefixes of the files, as sources for a Content-Security-Policy."""

    def url(self, name: str, headers: Mapping[str, str], *, head: bool = False) -> str:
        """A URL that serves the file for a few minutes, with these headers as far as the bucket can set them."""


_storage = PerApplication[LocalStorage | Bucket]()
# The storage of the application; RuntimeError before the factory ran.
storage = _storage.get


def bind(settings: Settings) -> None:
    """Set the storage according to `settings`; called once by the factory."""
    if settings.s3_bucket:
        # Imported here, since it uses 30 MB that only a server with a bucket needs.
        from chatapp.features.files.bucket import S3Bucket

        _storage.set(S3Bucket(settings.s3_bucket))
    else:
        _storage.set(LocalStorage(settings.upload_path))


def sources() -> tuple[str, ...]:
    """Hosts to which downloads are redirected, as sources for a Content-Security-Policy."""
    store = storage()
    return () if isinstance(store, LocalStorage) else store.sources()
