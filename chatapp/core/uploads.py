"""An upload in progress: a temporary file that is gone once it is closed."""

import hashlib
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Protocol, Self

import structlog
from gevent.lock import BoundedSemaphore

from chatapp.core.errors import TooLarge, Unavailable
from chatapp.core.offload import in_thread

log = structlog.get_logger()

# Only one upload writes per loop turn, so other work waits for one chunk at most.
_turns = BoundedSemaphore(1)


class Allowance(Protocol):
    """Counts the bytes of an upload against the user's quota."""

    def add(self, size: int) -> None:
        """Count `size` more bytes; raises RateLimited beyond the quota."""

    def close(self) -> None:
        """End the upload; a second call does nothing."""


class UploadedFile:
    """A file in a request. `name` and `declared` (its media type) are the client's claims; `size` is in bytes.

    The temporary file has no name, so that nothing is left behind if this process is killed.
    """

    def __init__(
        self, name: str, declared: str, *, folder: Path | None, limit: int, allowance: Allowance | None = None
    ) -> None:
        self.name = name
        self.declared = declared
        self.size = 0
        try:
            self.file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115  # closed by __exit__
        except OSError as error:
            raise not_stored(error) from error
        self._limit = limit
        self._allowance = allowance
        self._hash = hashlib.blake2b(digest_size=16)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    @property
    def digest(self) -> str:
        """A hash of the content received so far."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append a chunk; raises TooLarge (`file_too_large`) and RateLimited beyond the limits."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise file_too_large(self._limit)
        if self._allowance:
            self._allowance.add(len(chunk))
        try:
            with _turns:
                in_thread(self._write, chunk)
        except OSError as error:
            raise not_stored(error) from error

    def _write(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self._hash.update(chunk)


def not_stored(error: Exception) -> Unavailable:
    """Log a failure of the disk or bucket, and return the error for the client."""
    log.error("file_not_stored", exc_info=error)
    return Unavailable("The file can't be stored at the moment. Try again.", code="storage_unavailable")


def file_too_large(limit: int) -> TooLarge:
    """The error for a file of more than `limit` bytes."""
    return TooLarge(f"Files can be up to {limit / 2**20:g} MB.", code="file_too_large")
