"""Accepted file types. A file's name, its declared type and its content have to agree."""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO
from xml.parsers import expat

from chatapp.core.errors import UnsupportedType
from chatapp.models.enums import MessageType

# Declared by clients that don't know the type.
UNDECLARED = {
    "",
    "*/*",
    "application/*",
    "application/octet-stream",
    "application/octetstream",
    "application/binary",
    "binary/octet-stream",
    "application/unknown",
    "application/x-unknown",
    "application/download",
    "application/x-download",
    "application/force-download",
    "application/save",
}
# Size of an archive's directory in bytes: a longer one takes too long to parse.
MAX_DIRECTORY = 4 * 2**20
# An archive that unpacks to more than this, and to this many times its size, is treated as a zip bomb.
MAX_UNPACKED = 10 * 2**20
MAX_RATIO = 100
# Unpacked size of [Content_Types].xml in bytes.
MAX_CONTENT_TYPES = 2**20
PIECE = 64 * 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Word for Windows 1 and 2, which used no container.
_EARLY_WORD = (b"\xdb\xa5", b"\x9b\xa5")


def _entry(name: str) -> bytes:
    """A name as stored in the directory of an OLE container."""
    return f"{name}\0".encode("utf-16-le")


_WORD_OLE = frozenset({_entry("WordDocument")})
# Any password-protected Office document: its type can't be seen.
_ENCRYPTED_OLE = frozenset({_entry("EncryptedPackage"), _entry("EncryptionInfo")})
# Other formats in the same container: Excel, PowerPoint, Outlook, and Windows installers.
_FOREIGN_OLE = frozenset(
    {
        *map(_entry, ("Workbook", "Book", "PowerPoint Document", "__properties_version1.0")),
        bytes.fromhex("84100c0000000000c000000000000046"),
    }
)
# Before its header a PDF may have byte order marks, white space, and printer commands.
_PDF = re.compile(
    rb"(?:\xef\xbb\xbf|[\0\t\n\f\r ]){0,1000}(?:\x1b%-12345X(?:@PJL[^\r\n]{0,200}[\r\n]{1,2}){0,50})?%PDF-"
)
# Exceptions of `zipfile` for broken archives.
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error)
_MAIN_PART = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_MAIN_NAME = re.compile(rb"word/document[0-9]*\.xml")
_MACROS = ("macroenabled", "vbaproject")


@dataclass(frozen=True, slots=True)
class Kind:
    """An accepted file type. `format` is Pillow's name of an image format."""

    extension: str
    media_type: str
    also_declared: frozenset[str] = frozenset()
    format: str | None = None

    @property
    def message_type(self) -> str:
        """The type of a message with such a file."""
        return MessageType.IMAGE if self.format else MessageType.FILE

    def accepts(self, declared: str) -> bool:
        """True if a client may declare such a file as that media type (in lower case)."""
        anything = UNDECLARED | ({"image/*"} if self.format else set())
        return declared in anything or declared == self.media_type or declared in self.also_declared


# Declared types depend on the client: Windows uses its registry, Android the app that wrote the file.
_ZIP_TYPES = frozenset(
    {
        "application/zip",
        "application/x-zip",
        "application/x-zip-compressed",
        "application/zip-compressed",
        "application/x-compressed",
        "application/x-compress",
        "multipart/x-zip",
    }
)
_WORD_TYPES = frozenset(
    {
        "application/msword",
        "application/x-msword",
        "application/ms-word",
        "application/vnd.ms-word",
        "application/vnd.msword",
        "application/doc",
        "application/word",
        "application/cdfv2",
        "application/x-cfb",
        "application/x-ole-storage",
    }
)
_JPEG = Kind(
    "jpg", "image/jpeg", frozenset({"image/jpg", "image/pjpeg", "image/jfif", "image/x-jpeg", "image/mpo"}), "JPEG"
)
KINDS = {
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".png": Kind("png", "image/png", frozenset({"image/x-png", "image/apng", "image/vnd.mozilla.apng"}), "PNG"),
    ".gif": Kind("gif", "image/gif", frozenset({"image/x-gif"}), "GIF"),
    ".webp": Kind("webp", "image/webp", frozenset({"image/x-webp"}), "WEBP"),
    ".pdf": Kind(
        "pdf",
        "application/pdf",
        frozenset({"application/x-pdf", "application/acrobat", "applications/vnd.pdf", "text/pdf", "text/x-pdf"}),
    ),
    ".doc": Kind("doc", "application/msword", _WORD_TYPES),
    ".docx": Kind(
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        _WORD_TYPES | _ZIP_TYPES,
    ),
    ".zip": Kind("zip", "application/zip", _ZIP_TYPES),
}
TAKEN = ", ".join(KINDS)
IMAGES = ", ".join(extension for extension, kind in KINDS.items() if kind.format)


def claimed_kind(name: str, declared: str) -> Kind:
    """The type of a file by its name, if the declared type agrees; raises UnsupportedType otherwise."""
    kind = KINDS.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        raise unsupported(f"Files of this type are not accepted, only {TAKEN}.")
    if not kind.accepts(declared):
        raise unsupported(f"The file's name says {kind.media_type}, and it was declared as {declared}.")
    return kind


def image_kind(name: str, declared: str) -> Kind:
    """Like `claimed_kind`, for an image."""
    kind = claimed_kind(name, declared)
    if not kind.format:
        raise unsupported(f"Images only, of these types: {IMAGES}.")
    return kind


def verify(kind: Kind, file: IO[bytes]) -> None:
    """Raise UnsupportedType unless the content of a file other than an image is of type `kind`."""
    try:
        found = _VERIFIERS[kind.extension](file)
    except (*_BROKEN, ValueError, LookupError, EOFError, RuntimeError):
        found = False
    if not found:
        raise mismatch(kind)


def unsupported(detail: str) -> UnsupportedType:
    """The error for a file of a type that is not accepted."""
    return UnsupportedType(detail, code="unsupported_file_type")


def mismatch(kind: Kind) -> UnsupportedType:
    """The error for a file whose content is not of its type."""
    return unsupported(f"The file is damaged, or not what its name says ({kind.media_type}).")


def _starts(file: IO[bytes], size: int = 8) -> bytes:
    file.seek(0)
    return file.read(size)


def _is_pdf(file: IO[bytes]) -> bool:
    return _PDF.match(_starts(file, 16 * 1024)) is not None


def _is_doc(file: IO[bytes]) -> bool:
    start = _starts(file)
    if start.startswith(_EARLY_WORD):
        return True
    found = _ole_entries(file) if start == _OLE else _FOREIGN_OLE
    return bool(found & _WORD_OLE) or not found


def _is_zip(file: IO[bytes]) -> bool:
    return bool(_archive_names(file)) or _starts(file, 4) == b"PK\5\6"


def _is_docx(file: IO[bytes]) -> bool:
    """True for a Word document: an archive with a main document and without macros, or encrypted with a password."""
    if _starts(file) == _OLE:
        return _ole_entries(file) >= _ENCRYPTED_OLE
    names = _archive_names(file)
    with zipfile.ZipFile(file) as archive:
        by_name = {name.lower(): name for name in archive.namelist()}
        with archive.open(by_name["[content_types].xml"]) as member:
            types = _content_types(member.read(MAX_CONTENT_TYPES))
    if any(b"vbaproject" in name for name in names) or any(macros in t.lower() for _, t in types for macros in _MACROS):
        return False
    main_parts = tuple(part.lower().encode() for part, content_type in types if content_type == _MAIN_PART)
    return any(_MAIN_NAME.fullmatch(name) or (b"/" + name).endswith(main_parts) for name in names)


def _ole_entries(file: IO[bytes]) -> frozenset[bytes]:
    """Those of the searched names that an OLE container has."""
    wanted = _WORD_OLE | _ENCRYPTED_OLE | _FOREIGN_OLE
    file.seek(0)
    found: set[bytes] = set()
    before = b""
    # In pieces, since a long search would block all other threads.
    while piece := file.read(PIECE):
        window = before + piece
        found.update(name for name in wanted if name in window)
        before = piece[-64:]
    return frozenset(found)


def _archive_names(file: IO[bytes]) -> set[bytes]:
    """The names in a ZIP archive, in lower case and with slashes; raises ValueError or struct.error if it is invalid.

    Raises UnsupportedType if it unpacks to far more than its size. Parsed here, since `zipfile` refuses an archive for
    one name that is not in its declared encoding.
    """
    # PK00 precedes archives that were prepared for splitting but not split.
    if _starts(file, 4) not in (b"PK\3\4", b"PK\5\6", b"PK00"):
        raise ValueError
    names, unpacked = set(), 0
    for name, size in _members(_directory(file)):
        names.add(name.replace(b"\\", b"/").lower())
        unpacked += size
    if unpacked > MAX_UNPACKED and unpacked > file.seek(0, 2) * MAX_RATIO:
        raise unsupported("The archive unpacks to far more than its size.")
    return names


def _directory(file: IO[bytes]) -> bytes:
    """The central directory of a ZIP archive."""
    start = max(0, file.seek(0, 2) - 2**16 - 22 - 76)
    file.seek(start)
    tail = file.read()
    at = tail.rindex(b"PK\5\6")
    (size,) = struct.unpack_from("<I", tail, at + 12)
    end = start + at
    if tail[at - 20 : at - 16] == b"PK\6\7":
        # ZIP64, used for archives of any size by writers that don't know the size in advance.
        record = tail.rindex(b"PK\6\6", 0, at - 20)
        (size,) = struct.unpack_from("<Q", tail, record + 40)
        end = start + record
    if size > min(MAX_DIRECTORY, end):
        raise ValueError
    file.seek(end - size)
    return file.read(size)


def _members(directory: bytes) -> Iterator[tuple[bytes, int]]:
    """The name and the unpacked size in bytes of each member."""
    at = 0
    while at < len(directory):
        signature, size, name, extra, comment = struct.unpack_from("<4s20xIHHH", directory, at)
        if signature != b"PK\1\2" or len(directory) < at + 46 + name + extra + comment:
            raise ValueError
        if size == 0xFFFFFFFF:
            # ZIP64 stores it as the first number of an extra field.
            more = directory[at + 46 + name : at + 46 + name + extra]
            while struct.unpack_from("<H", more)[0] != 1:
                more = more[4 + struct.unpack_from("<H", more, 2)[0] :]
            (size,) = struct.unpack_from("<Q", more, 4)
        yield directory[at + 46 : at + 46 + name], size
        at += 46 + name + extra + comment


def _content_types(xml: bytes) -> list[tuple[str, str]]:
    """The media types in an Office document, each with its part or extension (`.xml`); raises ValueError."""
    types: list[tuple[str, str]] = []

    def take(_name: str, attributes: dict[str, str]) -> None:
        if "ContentType" in attributes:
            part = attributes.get("PartName") or f".{attributes.get('Extension', '')}"
            types.append((part, attributes["ContentType"]))

    def refuse(*_declaration: object) -> None:
        raise ValueError("a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler = take
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise ValueError from error
    return types


_VERIFIERS = {"pdf": _is_pdf, "doc": _is_doc, "docx": _is_docx, "zip": _is_zip}
