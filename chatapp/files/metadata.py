"""Takes out of an image whatever is not picture: where and with what it was taken, comments, what was appended.

Nothing is decoded or encoded anew: what is known to be picture (or how to show it) is copied, all else is left out, so
that quality and animation stay as they were. Of what a camera writes one thing is kept: which side is up.
"""

import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

ORIENTATION = 0x0112
SIDEWAYS = 5  # From here on, an orientation swaps width and height.
# Each pass over a progressive image takes as long as all of it; encoders make about ten.
MOST_SCANS = 50
_UPRIGHT = 1

# JPEG: frames, tables, scans, restart intervals; Adobe's mark of the colour model.
_JPEG_KEPT = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xEE}
# What stands behind 0xFF in the data of a scan: the byte itself, or a restart.
_JPEG_SCAN = {0x00, *range(0xD0, 0xD8)}
_PNG_KEPT = set(b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sRGB sBIT bKGD pHYs cICP mDCV cLLI acTL fcTL fdAT".split())
_WEBP_KEPT = set(b"VP8X,VP8 ,VP8L,ALPH,ANIM,ANMF,ICCP".split(b","))
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


class Damaged(Exception):
    """The bytes don't have the structure of their format."""


def strip(format: str, data: bytes) -> tuple[bytes, int]:
    """The image without metadata, and its orientation (1–8); raises Damaged."""
    try:
        return _STRIPPERS[format](data)
    except (IndexError, ValueError, struct.error) as error:
        raise Damaged from error


def _orientation(exif: bytes) -> int:
    """Which side is up, going by what a camera wrote."""
    read = Image.Exif()
    try:
        read.load(exif)
        value = read.get(ORIENTATION, _UPRIGHT)
    except Exception:  # Pillow raises whatever comes of broken bytes.
        return _UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else _UPRIGHT


def _exif(orientation: int) -> bytes:
    """What a camera would write, were this all that it knows: a TIFF header, and one entry."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


def _jpeg(data: bytes) -> tuple[bytes, int]:
    kept, orientation, at = [data[:2]], _UPRIGHT, 2
    scans = 0
    while True:
        while data[at + 1] == 0xFF:  # Fill bytes.
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0:
            raise Damaged
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            break
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        payload = data[at + 4 : end]
        if marker == 0xDA:
            scans += 1
            if scans > MOST_SCANS:
                raise Damaged
            end = _scan_end(data, end)
        if marker == 0xE0 and payload.startswith(b"JFIF\0"):
            # With no thumbnail in it, which might show what was cut off.
            kept.append(b"\xff\xe0\0\x10" + payload[:12] + b"\0\0")
        elif marker in _JPEG_KEPT or (marker == 0xE2 and payload.startswith(b"ICC_PROFILE\0")):
            kept.append(data[at:end])
        elif marker == 0xE1 and payload.startswith(b"Exif\0\0"):
            orientation = _orientation(payload)
        at = end
    if orientation != _UPRIGHT:
        payload = b"Exif\0\0" + _exif(orientation)
        after_jfif = 2 if len(kept) > 1 and kept[1].startswith(b"\xff\xe0") else 1
        kept.insert(after_jfif, b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload)
    return b"".join(kept), orientation


def _scan_end(data: bytes, at: int) -> int:
    """Where the data of a scan ends. Found in steps that are short, since each of them holds up all other threads."""
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] not in _JPEG_SCAN:
            return at
        at += 2


def _png(data: bytes) -> tuple[bytes, int]:
    kept, orientation, at = [data[:8]], _UPRIGHT, 8
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise Damaged
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            orientation = _orientation(data[at + 8 : end - 4])
        at = end
    if orientation != _UPRIGHT:
        chunk = b"eXIf" + _exif(orientation)
        kept.insert(2, struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)))
    return b"".join(kept), orientation


def _webp(data: bytes) -> tuple[bytes, int]:
    kept, orientation = [], _UPRIGHT
    for kind, payload in _riff_chunks(data):
        if kind in _WEBP_KEPT:
            kept.append((kind, payload))
        elif kind == b"EXIF":
            orientation = _orientation(payload)
    if kept and kept[0][0] == b"VP8X":
        flags = kept[0][1][0] & ~(_WEBP_EXIF | _WEBP_XMP)
        if orientation != _UPRIGHT:
            flags |= _WEBP_EXIF
            kept.append((b"EXIF", _exif(orientation)))
        kept[0] = (b"VP8X", bytes([flags]) + kept[0][1][1:])
    body = b"".join(struct.pack("<4sI", kind, len(p)) + p + b"\0" * (len(p) % 2) for kind, p in kept)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body, orientation


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    if end > len(data):
        raise Damaged
    at = 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise Damaged
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _gif(data: bytes) -> tuple[bytes, int]:
    at = 13 + _gif_table(data[10])
    kept = [data[:at]]
    while data[at] != 0x3B:
        start, wanted = at, True
        if data[at] == 0x21:  # An extension; of all that say how to show something, not of comments and the like.
            at += 2
            wanted = data[start + 1] == 0xF9 or (data[start + 1] == 0xFF and data[at + 1 : at + 12] in _GIF_LOOPS)
        elif data[at] == 0x2C:
            at += 11 + _gif_table(data[at + 9])
        else:
            raise Damaged
        while data[at]:
            at += 1 + data[at]
        at += 1
        if wanted:
            kept.append(data[start:at])
    return b"".join([*kept, b"\x3b"]), _UPRIGHT


def _gif_table(flags: int) -> int:
    """How many bytes of colours follow."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


_STRIPPERS: dict[str, Callable[[bytes], tuple[bytes, int]]] = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "GIF": _gif}
