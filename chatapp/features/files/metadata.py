"""Strips images of everything except the picture: location, camera, comments, appended data.

Nothing is decoded or encoded again: known picture data is copied and everything else is dropped, so that quality and
animation are unchanged. Of camera metadata only the orientation is preserved.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

ORIENTATION = 0x0112
SIDEWAYS = 5  # From here on, an orientation swaps width and height.
_UPRIGHT = 1
_MAGIC = {"JPEG": rb"\xff\xd8", "PNG": rb"\x89PNG\r\n\x1a\n", "GIF": rb"GIF8[79]a", "WEBP": rb"RIFF....WEBP"}
# Size of a colour profile in bytes; a larger one, which few images need, is dropped.
MAX_PROFILE = 64 * 1024
PIECE = 64 * 1024

# JPEG: frames, tables, scans, restart intervals; Adobe's marker of the colour model.
_JPEG_SEGMENTS = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xEE}
# Not a marker after 0xFF: an escaped byte of scan data, a restart, another fill byte.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_PNG_SHORTEST = 12  # Size of a chunk without content.
_PNG_CHUNKS = set(b"IHDR PLTE IDAT tRNS cHRM gAMA sRGB sBIT bKGD pHYs cICP mDCV cLLI acTL fcTL fdAT".split())
_WEBP_CHUNKS = set(b"VP8X,VP8 ,VP8L,ALPH,ANIM,ANMF".split(b","))
_WEBP_ICC, _WEBP_EXIF, _WEBP_XMP = 0x20, 0x08, 0x04
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


class Damaged(Exception):
    """The data does not have the structure of its format."""


@dataclass(frozen=True, slots=True)
class Stripped:
    """An image without metadata, its orientation (1–8), and its number of scans."""

    content: bytes
    orientation: int = _UPRIGHT
    scans: int = 1


def strip(format: str, data: bytes) -> Stripped:
    """Copy the known picture data of an image; raises Damaged."""
    if not re.match(_MAGIC[format], data, re.DOTALL):
        raise Damaged
    try:
        return _STRIPPERS[format](data)
    except (IndexError, ValueError, struct.error) as error:
        raise Damaged from error


def _orientation(exif: bytes) -> int:
    """The orientation in camera metadata."""
    read = Image.Exif()
    try:
        read.load(exif)
        value = read.get(ORIENTATION, _UPRIGHT)
    except Exception:  # Broken data can make Pillow raise anything.
        return _UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else _UPRIGHT


def _exif(orientation: int) -> bytes:
    """Minimal camera metadata: a TIFF header and the orientation."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


def _jpeg(data: bytes) -> Stripped:
    parts, orientation, at, scans = [data[:2]], _UPRIGHT, 2, 0
    profile: dict[int, int] = {}  # Index in `parts` → size.
    while True:
        # Between segments there may be fill bytes; some encoders write other bytes, which all decoders skip.
        at = _next_marker(data, at)
        marker = data[at + 1]
        if marker == 0xD9:
            parts.append(b"\xff\xd9")
            break
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        payload = data[at + 4 : end]
        if marker == 0xDA:
            end = _next_marker(data, end)
            scans += 1
        if marker == 0xE0 and payload.startswith(b"JFIF\0"):
            # Without its thumbnail, which might show what was cropped.
            parts.append(b"\xff\xe0\0\x10" + payload[:12] + b"\0\0")
        elif marker in _JPEG_SEGMENTS:
            parts.append(data[at:end])
        elif marker == 0xE2 and payload.startswith(b"ICC_PROFILE\0"):
            profile[len(parts)] = len(payload) - 14  # Without its name and numbers.
            parts.append(data[at:end])
        elif marker == 0xE1 and payload.startswith(b"Exif\0\0"):
            orientation = _orientation(payload)
        at = end
    if sum(profile.values()) > MAX_PROFILE:
        parts = [part for place, part in enumerate(parts) if place not in profile]
    if orientation != _UPRIGHT:
        payload = b"Exif\0\0" + _exif(orientation)
        after_jfif = 2 if len(parts) > 1 and parts[1].startswith(b"\xff\xe0") else 1
        parts.insert(after_jfif, b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload)
    return Stripped(b"".join(parts), orientation, max(1, scans))


def _next_marker(data: bytes, at: int) -> int:
    """The position of the next JPEG marker. Searched in short steps, since each blocks all other threads."""
    while at < len(data) - 1:
        if found := _JPEG_MARKER.search(data, at, at + PIECE):
            return found.start()
        at += PIECE - 1
    raise Damaged


def _png(data: bytes) -> Stripped:
    parts, orientation, at = [data[:8]], _UPRIGHT, 8
    # A missing or truncated end hides nothing of the picture.
    while len(data) - at >= _PNG_SHORTEST and data[at + 4 : at + 8] != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + _PNG_SHORTEST + length
        if end > len(data):
            raise Damaged
        if kind in _PNG_CHUNKS or (kind == b"iCCP" and _is_small_profile(data[at + 8 : end - 4])):
            parts.append(data[at:end])
        elif kind == b"eXIf":
            orientation = _orientation(data[at + 8 : end - 4])
        at = end
    if orientation != _UPRIGHT:
        parts.insert(2, _png_chunk(b"eXIf", _exif(orientation)))
    return Stripped(b"".join([*parts, _png_chunk(b"IEND", b"")]), orientation)


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _is_small_profile(compressed: bytes) -> bool:
    """True if a PNG's colour profile (a name, the method 0, zlib data) has at most `MAX_PROFILE` bytes."""
    start = compressed.index(b"\0") + 2
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(compressed[start:], MAX_PROFILE + 1)
    except zlib.error:
        return False
    return len(compressed) <= MAX_PROFILE and len(profile) <= MAX_PROFILE and not unpacking.unused_data


def _webp(data: bytes) -> Stripped:
    parts, orientation, flags = [], _UPRIGHT, 0
    for kind, payload in _riff_chunks(data):
        if kind in _WEBP_CHUNKS or (kind == b"ICCP" and len(payload) <= MAX_PROFILE):
            parts.append((kind, payload))
            flags |= _WEBP_ICC if kind == b"ICCP" else 0
        elif kind == b"EXIF":
            orientation = _orientation(payload)
    if parts and parts[0][0] == b"VP8X":
        flags |= parts[0][1][0] & ~(_WEBP_EXIF | _WEBP_XMP | _WEBP_ICC)
        if orientation != _UPRIGHT:
            flags |= _WEBP_EXIF
            parts.append((b"EXIF", _exif(orientation)))
        parts[0] = (b"VP8X", bytes([flags]) + parts[0][1][1:])
    body = b"".join(struct.pack("<4sI", kind, len(p)) + p + b"\0" * (len(p) % 2) for kind, p in parts)
    return Stripped(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body, orientation)


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    # Some encoders count the header, or omit the padding: only the chunks have to be complete.
    end = min(8 + struct.unpack_from("<I", data, 4)[0], len(data))
    at = 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise Damaged
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _gif(data: bytes) -> Stripped:
    at = 13 + _gif_table(data[10])
    parts = [data[:at]]
    # Some files end where the trailer should be.
    while at < len(data) and data[at] != 0x3B:
        start, wanted = at, True
        if data[at] == 0x21:  # An extension: keep those that affect the display, not comments.
            at += 2
            wanted = data[start + 1] == 0xF9 or (data[start + 1] == 0xFF and data[at + 1 : at + 12] in _GIF_LOOPS)
        elif data[at] == 0x2C:
            at += 11 + _gif_table(data[at + 9])
        elif data[at] == 0:  # A terminator of data that has ended already.
            at += 1
            continue
        else:
            raise Damaged
        while at < len(data) and data[at]:
            at += 1 + data[at]
        if at > len(data):
            raise Damaged
        if wanted:
            parts += data[start:at], b"\0"
        at += 1
    return Stripped(b"".join([*parts, b"\x3b"]))


def _gif_table(flags: int) -> int:
    """The size of a colour table in bytes."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


_STRIPPERS: dict[str, Callable[[bytes], Stripped]] = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "GIF": _gif}
