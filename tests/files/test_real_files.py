"""Files as real programs write them are accepted; `real/` contains some."""

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data

REAL = sorted((Path(__file__).parent / "real").iterdir())
ZIP = samples.archive(readme_dot_txt=b"Hello")
JPEG, PNG, GIF, WEBP = (samples.image(format) for format in ("JPEG", "PNG", "GIF", "WEBP"))
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PROGRESSIVE = samples.image("JPEG", progressive=True)
# Behind the first segment, before the last one, before the scan, and before the end.
PLACES = [4 + struct.unpack(">H", JPEG[4:6])[0], JPEG.index(b"\xff\xda"), len(JPEG) - 2]


@pytest.fixture
def place(disk_place: Place) -> Place:
    """Validation does not depend on the storage."""
    return disk_place


def office(main_type: str, main_part: str = "word/document.xml", **more: bytes) -> bytes:
    """An Office document with a main part of that type."""
    types = f'<Types><Override PartName="/{main_part}" ContentType="{main_type}"/></Types>'.encode()
    name = main_part.replace("/", "__").replace(".", "_dot_")
    return samples.archive(**{"[Content_Types]_dot_xml": types, name: b"<document/>", **more})


def zip64(archive: bytes) -> bytes:
    """The same archive with its numbers only in the ZIP64 records."""
    end = archive.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HII", archive, end + 10)
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, end, 1)
    return archive[:end] + record + locator + b"PK\5\6" + struct.pack("<4xHHIIH", *(0xFFFF,) * 2, *(2**32 - 1,) * 2, 0)


def two_pictures() -> bytes:
    """A file of two JPEGs, as telephones write them."""
    out = BytesIO()
    picture = Image.new("RGB", (60, 40), "red")
    picture.save(out, "MPO", save_all=True, append_images=[picture])
    return out.getvalue()


ODD = {
    "a PDF behind a byte order mark": ("a.pdf", b"\xef\xbb\xbf" + samples.PDF),
    "a PDF behind a line break": ("a.pdf", b"\r\n" + samples.PDF),
    "a PDF behind NULs": ("a.pdf", bytes(2) + samples.PDF),
    "a PDF out of a printer's queue": ("a.pdf", b"\x1b%-12345X@PJL JOB\r\n@PJL ENTER LANGUAGE=PDF\r\n" + samples.PDF),
    "Word with another main part": ("a.docx", office(f"{WORD}.main+xml", "word/document2.xml")),
    "Word with a main part of another name": ("a.docx", office(f"{WORD}.main+xml", "word/content.xml")),
    "Word of before containers": ("a.doc", b"\xdb\xa5\x2d\0" + bytes(500)),
    "a ZIP with zeros behind": ("a.zip", ZIP + bytes(1000)),
    "a ZIP with a comment": ("a.zip", ZIP[:-2] + b"\x05\0Hello"),
    "a ZIP that was to be split": ("a.zip", b"PK00" + ZIP),
    "an empty ZIP": ("a.zip", b"PK\5\6" + bytes(18)),
    "ZIP64": ("a.zip", zip64(ZIP)),
    "Word in ZIP64": ("a.docx", zip64(office(f"{WORD}.main+xml"))),
    "a name that claims to be UTF-8": ("a.zip", samples.archive(ü=b"x").replace("ü".encode(), b"\xfc\x80")),
    "progressive JPEG": ("a.jpg", PROGRESSIVE),
    "a GIF without trailer": ("a.gif", GIF.removesuffix(b"\x3b")),
    "a GIF without its last two bytes": ("a.gif", GIF.removesuffix(b"\0\x3b")),
    "a GIF with zeros before the trailer": ("a.gif", GIF[:-1] + b"\0\0\x3b"),
    "a GIF with zeros in place of the trailer": ("a.gif", GIF[:-1] + b"\0\0"),
    "a PNG without end": ("a.png", PNG[:-12]),
    "a PNG whose end is cut": ("a.png", PNG[:-4]),
    "a WebP of a wrong length": ("a.webp", WEBP[:4] + struct.pack("<I", len(WEBP)) + WEBP[8:]),
    "two JPEGs in one": ("a.jpg", two_pictures()),
    **{f"zeros in a JPEG at {at}": ("a.jpg", JPEG[:at] + bytes(2) + JPEG[at:]) for at in PLACES},
    **{f"fill bytes in a JPEG at {at}": ("a.jpg", JPEG[:at] + b"\xff\xff" + JPEG[at:]) for at in PLACES},
}


@pytest.mark.parametrize("path", REAL, ids=lambda path: str(path.name))
def test_files_of_real_programs_are_accepted(place: Place, alice: Person, chat: str, path: Path) -> None:
    message = data(alice.upload(chat, path.name, path.read_bytes()))
    stored = place.fetch(message["fileUrl"]).content
    if message["type"] == "FILE":
        assert stored == path.read_bytes()
    else:
        assert Image.open(BytesIO(stored)).size == (message["width"], message["height"])


@pytest.mark.parametrize("what", ODD)
def test_odd_files_are_accepted(place: Place, alice: Person, chat: str, what: str) -> None:
    name, content = ODD[what]
    response = alice.upload(chat, name, content)
    assert response.status_code == 201, response.json()
    message = data(response)
    stored = place.fetch(message["fileUrl"]).content
    if message["type"] == "FILE":
        assert stored == content
    else:
        Image.open(BytesIO(stored)).load()
        expected = Image.open(BytesIO(WEBP if name == "a.webp" else content)).convert("RGB")
        assert Image.open(BytesIO(stored)).convert("RGB").tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("name", "content", "declared"),
    [
        *(
            (name, content, declared)
            for declared in ("binary/octet-stream", "application/octet-stream", "application/x-download", "*/*")
            for name, content in (("a.png", PNG), ("a.pdf", samples.PDF), ("a.zip", ZIP), ("a.docx", samples.docx()))
        ),
        *((f"a.{ending}", content, "image/*") for ending, content in (("png", PNG), ("jpg", JPEG), ("gif", GIF))),
        *(
            (name, content, declared)
            for declared in (
                "application/zip",
                "application/x-zip",
                "application/x-zip-compressed",
                "application/x-compressed",
                "multipart/x-zip",
            )
            for name, content in (("a.zip", ZIP), ("a.docx", samples.docx()))
        ),
        ("a.docx", samples.docx(), "application/msword"),
        ("a.doc", samples.DOC, "application/vnd.ms-word"),
        ("a.jpg", JPEG, "image/pjpeg"),
        ("a.pdf", samples.PDF, "application/x-pdf"),
    ],
)
def test_generic_declared_types_are_accepted(
    place: Place, alice: Person, chat: str, name: str, content: bytes, declared: str
) -> None:
    assert alice.upload(chat, name, content, declared).status_code == 201
