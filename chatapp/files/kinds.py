"""Which files are taken. What a file's name says, what was declared, and what its bytes are have to agree."""

import struct
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

import puremagic

from chatapp.core.errors import UnsupportedType

# What says nothing, or that nothing is known.
UNDECLARED = {"", "application/octet-stream"}
# A list of members beyond this takes too long to read; the longest honest ones are far from it.
LONGEST_DIRECTORY = 2**20
# What unpacks to more than this, and to this many times its size, is meant to fill the disk of who opens it.
LARGEST_UNPACKED = 2**20 * 10
LARGEST_RATIO = 100
PIECE = 64 * 1024
_ANY_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORD_OLE = "WordDocument\0".encode("utf-16-le")
# What others than Word keep in the same container: Excel, PowerPoint, Outlook; and the mark of Windows' installers.
_FOREIGN_OLE = (
    *(
        name.encode("utf-16-le")
        for name in ("Workbook\0", "Book\0", "PowerPoint Document\0", "__properties_version1.0\0")
    ),
    bytes.fromhex("84100c0000000000c000000000000046"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that is taken. `format` is what Pillow calls it, if it is an image."""

    extension: str
    media_type: str
    also_declared: frozenset[str] = frozenset()
    format: str | None = None

    @property
    def message_type(self) -> str:
        """The type of a message with such a file."""
        return "IMAGE" if self.format else "FILE"


_JPEG = Kind("jpg", "image/jpeg", frozenset({"image/jpg", "image/pjpeg"}), "JPEG")
KINDS = {
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".png": Kind("png", "image/png", frozenset({"image/x-png"}), "PNG"),
    ".gif": Kind("gif", "image/gif", format="GIF"),
    ".webp": Kind("webp", "image/webp", format="WEBP"),
    ".pdf": Kind("pdf", "application/pdf", frozenset({"application/x-pdf"})),
    ".doc": Kind("doc", "application/msword"),
    ".docx": Kind("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ".zip": Kind("zip", "application/zip", frozenset({"application/x-zip-compressed", "application/x-zip"})),
}
TAKEN = ", ".join(KINDS)


def claimed_kind(name: str, declared: str) -> Kind:
    """What a file is, going by its name, if what was declared agrees; raises UnsupportedType otherwise."""
    kind = KINDS.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        raise unsupported(f"Files of this type are not taken, only {TAKEN}.")
    if declared not in UNDECLARED | {kind.media_type} | kind.also_declared:
        raise unsupported(f"The file's name says {kind.media_type}, and it was declared as {declared}.")
    return kind


def verify(kind: Kind, file: IO[bytes]) -> None:
    """Raise UnsupportedType unless the bytes are what `kind` says, as far as that shows without decoding an image."""
    file.seek(0)
    try:
        found = {match.extension for match in puremagic.magic_stream(file)}
    except (puremagic.PureError, ValueError):
        found = set()
    if f".{kind.extension}" not in found or not _looks_like(kind, file):
        raise unsupported(f"The file is not what its name says ({kind.media_type}).")


def unsupported(detail: str) -> UnsupportedType:
    """The refusal of a file for what it is."""
    return UnsupportedType(detail, code="unsupported_file_type")


def _looks_like(kind: Kind, file: IO[bytes]) -> bool:
    file.seek(0)
    start = file.read(8)
    if kind.extension == "pdf":
        return start.startswith(b"%PDF-")
    if kind.extension == "doc":
        return start == _ANY_OLE and _is_word(file)
    if kind.extension in ("zip", "docx"):
        return start[:4] in (b"PK\3\4", b"PK\5\6") and _is_archive(file, word=kind.extension == "docx")
    return True


def _is_word(file: IO[bytes]) -> bool:
    """Whether an OLE container is Word's, or at least nobody else's."""
    file.seek(0)
    foreign, before = False, b""
    # In pieces, since a long search would hold up all other threads.
    while piece := file.read(PIECE):
        window = before + piece
        if _WORD_OLE in window:
            return True
        foreign = foreign or any(name in window for name in _FOREIGN_OLE)
        before = piece[-64:]
    return not foreign


def _is_archive(file: IO[bytes], *, word: bool) -> bool:
    """Whether a ZIP archive can be read, unpacks to something sensible and, for Word, has a document without macros."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 2**16 - 22))
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22 or struct.unpack_from("<I", tail, end + 12)[0] > LONGEST_DIRECTORY:
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, EOFError):
        return False
    unpacked = sum(member.file_size for member in members)
    if unpacked > LARGEST_UNPACKED and unpacked > size * LARGEST_RATIO:
        raise unsupported("The archive unpacks to far more than its size.")
    names = {member.filename for member in members}
    return not word or ({"[Content_Types].xml", "word/document.xml"} <= names and "word/vbaProject.bin" not in names)
