"""Generated sample files, valid and invalid."""

import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
DOC = OLE + bytes(504) + "WordDocument\0".encode("utf-16-le") + bytes(487)
XLS = OLE + bytes(504) + "Workbook\0".encode("utf-16-le") + bytes(495)
MSI = OLE + bytes(504) + bytes.fromhex("84100c0000000000c000000000000046") + bytes(497)
ENCRYPTED = OLE + bytes(504) + "EncryptionInfo\0EncryptedPackage\0".encode("utf-16-le") + bytes(448)
HTML = b"<!DOCTYPE html><script>alert(document.cookie)</script>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
EXE = b"MZ" + bytes(200)


def archive(**members: bytes) -> bytes:
    """A ZIP archive; in the names of its members, __ stands for a slash and _dot_ for a dot."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


def docx(**more: bytes) -> bytes:
    """The relevant parts of a Word document."""
    return archive(**{"[Content_Types]_dot_xml": b"<Types/>", "word__document_dot_xml": b"<document/>", **more})


def _with_main_part(kind: str) -> bytes:
    types = f'<Types><Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'.encode()
    return archive(**{"[Content_Types]_dot_xml": types, "word__document_dot_xml": b"<document/>"})


_EXCEL_TYPE = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
EXCEL = archive(
    **{
        "[Content_Types]_dot_xml": b'<Types><Override PartName="/xl/workbook.xml" ContentType="%s"/></Types>'
        % _EXCEL_TYPE,
        "xl__workbook_dot_xml": b"<workbook/>",
    }
)
WORD_WITH_MACROS = _with_main_part("application/vnd.ms-word.document.macroEnabled.main+xml")


def image(format: str, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """An image with a red left and a blue right half."""
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    out = BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def photo(format: str, orientation: int = 6) -> bytes:
    """An image as a telephone writes it: with location and camera, lying on its side."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretMaker"
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (52.0, 31.0, 12.0)
    place[3], place[4] = "E", (13.0, 24.0, 36.0)
    more: dict[str, Any] = {"comment": b"SecretComment"} if format == "JPEG" else {}
    if format in ("JPEG", "WEBP"):
        more["xmp"] = b"<x:xmpmeta>SecretPlace</x:xmpmeta>"
    return image(format, exif=exif.tobytes(), **more)


def png_of(width: int, height: int) -> bytes:
    """A small PNG whose header claims that size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    lines = zlib.compress(bytes(1000 * (width // 8 + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def scans(width: int, height: int, count: int) -> bytes:
    """A progressive JPEG of one colour with that many scans."""
    out = BytesIO()
    Image.new("RGB", (width, height), "blue").save(out, "JPEG", progressive=True)
    whole = out.getvalue().removesuffix(b"\xff\xd9")
    last = whole[whole.rindex(b"\xff\xda") :]
    return whole + last * (count - whole.count(b"\xff\xda")) + b"\xff\xd9"


def good() -> list[tuple[str, bytes, str, str]]:
    """One file of each accepted type: name, bytes, declared type, type of the message."""
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return [
        ("a.jpg", image("JPEG"), "image/jpeg", "IMAGE"),
        ("a.JPEG", image("JPEG"), "image/jpg", "IMAGE"),
        ("a.png", image("PNG"), "image/png", "IMAGE"),
        ("a.gif", image("GIF"), "image/gif", "IMAGE"),
        ("a.webp", image("WEBP"), "image/webp", "IMAGE"),
        ("a.pdf", PDF, "application/pdf", "FILE"),
        ("a.doc", DOC, "application/msword", "FILE"),
        ("a.docx", docx(), word, "FILE"),
        ("a.zip", archive(readme_dot_txt=b"x"), "application/zip", "FILE"),
        ("b.zip", archive(readme_dot_txt=b"x"), "application/x-zip-compressed", "FILE"),
        ("b.tar.zip", archive(), "application/octet-stream", "FILE"),
    ]
