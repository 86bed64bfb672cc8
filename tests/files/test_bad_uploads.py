"""Invalid files are refused and not stored."""

import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import Engine

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, problem

WRONG_TYPE = (415, "unsupported_file_type")
INVALID = (422, "validation_error")
PNG, JPEG, GIF = samples.image("PNG"), samples.image("JPEG"), samples.image("GIF")

BOMB = b'<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa">]><Types>&a;</Types>'

# case → name, bytes, declared type, error
CORPUS: dict[str, tuple[str, bytes, str | None, tuple[int, str]]] = {
    "a page": ("a.html", samples.HTML, "text/html", WRONG_TYPE),
    "a page as PNG": ("a.png", samples.HTML, "image/png", WRONG_TYPE),
    "a page as GIF": ("a.gif", b"GIF89a/*" + samples.HTML + b"*/", "image/gif", WRONG_TYPE),
    "a page as PDF": ("a.pdf", samples.HTML, "application/pdf", WRONG_TYPE),
    "a page before a PDF": ("a.pdf", samples.HTML + samples.PDF, "application/pdf", WRONG_TYPE),
    "SVG": ("a.svg", samples.SVG, "image/svg+xml", WRONG_TYPE),
    "SVG as PNG": ("a.png", samples.SVG, "image/png", WRONG_TYPE),
    "SVG as WebP": ("a.webp", samples.SVG, "image/webp", WRONG_TYPE),
    "text": ("a.txt", b"Hello", "text/plain", WRONG_TYPE),
    "a program": ("a.exe", samples.EXE, "application/octet-stream", WRONG_TYPE),
    "a program as ZIP": ("a.zip", samples.EXE, "application/zip", WRONG_TYPE),
    "a program that unpacks itself": ("a.zip", samples.EXE + samples.archive(x=b"x"), "application/zip", WRONG_TYPE),
    "a second ending": ("a.png.exe", PNG, "image/png", WRONG_TYPE),
    "another second ending": ("a.pdf.html", samples.PDF, "application/pdf", WRONG_TYPE),
    "a false ending": ("a.jpg", PNG, "image/jpeg", WRONG_TYPE),
    "another false ending": ("a.png", JPEG, "image/png", WRONG_TYPE),
    "a false declaration": ("a.png", PNG, "image/jpeg", WRONG_TYPE),
    "a dangerous declaration": ("a.png", PNG, "text/html", WRONG_TYPE),
    "no ending": ("png", PNG, "image/png", WRONG_TYPE),
    "an ending alone": (".png", PNG, "image/png", WRONG_TYPE),
    "a dot behind": ("a.png.", PNG, "image/png", WRONG_TYPE),
    "a stream of NTFS": ("a.exe::$DATA.png:", PNG, "image/png", WRONG_TYPE),
    "half a PNG": ("a.png", samples.image("PNG", (300, 300))[:300], "image/png", WRONG_TYPE),
    "half a JPEG": ("a.jpg", samples.image("JPEG", (300, 300))[:900], "image/jpeg", WRONG_TYPE),
    "half a GIF": ("a.gif", GIF[:-20], "image/gif", WRONG_TYPE),
    "half a WebP": ("a.webp", samples.image("WEBP")[:-20], "image/webp", WRONG_TYPE),
    "a signature alone": ("a.png", PNG[:8], "image/png", WRONG_TYPE),
    "half an archive": ("a.zip", samples.archive(x=bytes(99))[:-30], "application/zip", WRONG_TYPE),
    "an archive as Word": ("a.docx", samples.archive(x=b"x"), None, WRONG_TYPE),
    "Excel as Word": ("a.docx", samples.archive(**{"[Content_Types]_dot_xml": b"", "xl__book": b""}), None, WRONG_TYPE),
    "a whole Excel as Word": ("a.docx", samples.EXCEL, None, WRONG_TYPE),
    "Word with macros by its type": ("a.docx", samples.WORD_WITH_MACROS, None, WRONG_TYPE),
    "Word with a document type": ("a.docx", samples.docx(**{"[Content_Types]_dot_xml": BOMB}), None, WRONG_TYPE),
    "an encrypted container as old Word": ("a.doc", samples.ENCRYPTED, "application/msword", WRONG_TYPE),
    "an old container as new Word": ("a.docx", samples.DOC, None, WRONG_TYPE),
    "a picture declared as any text": ("a.png", PNG, "text/*", WRONG_TYPE),
    "an archive declared as any picture": ("a.zip", samples.archive(x=b"x"), "image/*", WRONG_TYPE),
    "a page before a JPEG": ("a.jpg", samples.HTML + JPEG, "image/jpeg", WRONG_TYPE),
    "a page before a WebP": ("a.webp", samples.HTML + samples.image("WEBP"), "image/webp", WRONG_TYPE),
    "WebP under another sign": ("a.webp", b"XXXX" + samples.image("WEBP")[4:], "image/webp", WRONG_TYPE),
    "a JPEG of too many scans": ("a.jpg", samples.scans(4000, 3000, 100), "image/jpeg", WRONG_TYPE),
    "a very long PNG": ("a.png", samples.png_of(70_000, 1), "image/png", WRONG_TYPE),
    "Word with macros": ("a.docx", samples.docx(word__vbaProject_dot_bin=b"x"), None, WRONG_TYPE),
    "old Excel as old Word": ("a.doc", samples.XLS, "application/msword", WRONG_TYPE),
    "an installer as old Word": ("a.doc", samples.MSI, "application/msword", WRONG_TYPE),
    "new Word as old Word": ("a.doc", samples.docx(), "application/msword", WRONG_TYPE),
    "a bomb of pixels": ("a.png", samples.png_of(60_000, 60_000), "image/png", WRONG_TYPE),
    "a bomb of an archive": ("a.zip", samples.archive(x=bytes(30 * 2**20)), "application/zip", WRONG_TYPE),
    "a bomb in Word": ("a.docx", samples.docx(word__media__x=bytes(30 * 2**20)), None, WRONG_TYPE),
    "nothing": ("a.png", b"", "image/png", INVALID),
    "a NUL in the name": ("a\0.png", PNG, "image/png", INVALID),
    "a line break in the name": ("a\tb.png", PNG, "image/png", INVALID),
    "a name too long": ("x" * 252 + ".png", PNG, "image/png", INVALID),
    "a folder's name": ("a.png/", PNG, "image/png", INVALID),
    "a byte too many": ("a.pdf", samples.PDF + bytes(10 * 2**20 + 1 - len(samples.PDF)), None, (413, "file_too_large")),
    "far too many bytes": ("a.pdf", samples.PDF + bytes(11 * 2**20), None, (413, "file_too_large")),
}


@pytest.fixture
def unchanged(place: Place, engine: Engine, chat: str) -> Iterator[None]:
    """Fails if the test leaves a new message or file."""
    before = place.count(engine)
    yield
    assert place.count(engine) == before


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", CORPUS)
def test_invalid_files_are_refused_and_not_stored(place: Place, alice: Person, chat: str, what: str) -> None:
    name, content, declared, expected = CORPUS[what]
    response = raw(place, alice, form(chat, name, content, declared))
    assert problem(response) == expected
    assert len(response.json()["detail"]) > 10


def form(chat: str, name: str, content: bytes, declared: str | None = None, boundary: str = "XXX") -> bytes:
    """An encoded form with arbitrary parts."""
    kind = f"Content-Type: {declared}\r\n" if declared else ""
    parts = f'--{boundary}\r\nContent-Disposition: form-data; name="chatId"\r\n\r\n{chat}\r\n--{boundary}\r\n'
    parts += f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n{kind}\r\n'
    return parts.encode() + content + f"\r\n--{boundary}--\r\n".encode()


def raw(place: Place, person: Person | None, body: Any, kind: str = "multipart/form-data; boundary=XXX") -> Any:
    """The server's response to a body."""
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {person.token}"} if person else {})
    return requests.post(f"{place.server.url}/api/v1/messages/upload", data=body, headers=headers, timeout=20)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"chatId": "x"}, "chatId"),
        ({"chatId": None}, "chatId"),
        ({"content": "x" * 4001}, "content"),
        ({"content": "a\0b"}, "content"),
        ({"content": b"\xff\xfe"}, "content"),
        ({"clientId": "mine"}, "clientId"),
        ({"clientId": ""}, "clientId"),
        ({"unknown": "x"}, "unknown"),
        ({"file": "text"}, "file"),
    ],
)
def test_form_fields_are_validated_like_json(
    place: Place, alice: Person, chat: str, change: dict[str, Any], field: str
) -> None:
    fields = {"chatId": chat} | change
    files = {} if "file" in change else {"file": ("a.png", PNG)}
    files |= {"other": ("", b"")} if "file" in change else {}
    response = alice.request("POST", "/messages/upload", data=fields, files=files)
    assert problem(response) == INVALID
    assert field in response.json()["errors"]


@pytest.mark.usefixtures("unchanged")
def test_a_form_has_each_part_once(place: Place, alice: Person, chat: str) -> None:
    for parts in (
        [("chatId", (None, chat)), ("chatId", (None, chat)), ("file", ("a.png", PNG))],
        [("chatId", (None, chat)), ("file", ("a.png", PNG)), ("file", ("b.png", PNG))],
        [("chatId", (None, chat)), ("file", ("a.png", PNG)), ("other", ("b.png", PNG))],
    ):
        assert problem(alice.request("POST", "/messages/upload", files=parts)) == INVALID


@pytest.mark.usefixtures("unchanged")
def test_invalid_form_is_refused(place: Place, alice: Person, chat: str) -> None:
    whole = form(chat, "a.png", PNG)
    refused = {
        "cut off": (raw(place, alice, whole[:-20]), (400, "malformed_form")),
        "cut off in a header": (raw(place, alice, whole[:60]), (400, "malformed_form")),
        "empty": (raw(place, alice, b""), (400, "malformed_form")),
        "nonsense": (raw(place, alice, b"x" * 1000), (400, "malformed_form")),
        "no boundary": (raw(place, alice, whole, "multipart/form-data"), (400, "malformed_form")),
        "another boundary": (raw(place, alice, whole, "multipart/form-data; boundary=YYY"), (400, "malformed_form")),
        "no part's name": (raw(place, alice, b"--XXX\r\n\r\n\r\n--XXX--\r\n"), (400, "malformed_form")),
        "JSON": (raw(place, alice, b"{}", "application/json"), (415, "unsupported_media_type")),
        "the bytes alone": (raw(place, alice, PNG, "image/png"), (415, "unsupported_media_type")),
        "a huge field": (
            raw(place, alice, whole.replace(chat.encode(), b"x" * 300_000)),
            (413, "body_too_large"),
        ),
        "very many parts": (
            raw(place, alice, b'--XXX\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 2),
            (422, "validation_error"),
        ),
    }
    assert {what: problem(response) for what, (response, _) in refused.items()} == {
        what: expected for what, (_, expected) in refused.items()
    }


@pytest.mark.usefixtures("unchanged")
def test_chunked_body_has_the_same_limits(place: Place, alice: Person, chat: str) -> None:
    def pieces(content: bytes) -> Iterator[bytes]:
        whole = form(chat, "a.pdf", content)
        yield from (whole[start : start + 50_000] for start in range(0, len(whole), 50_000))

    too_large = raw(place, alice, pieces(samples.PDF + bytes(10 * 2**20)))
    assert problem(too_large) == (413, "file_too_large")


@pytest.mark.usefixtures("unchanged")
def test_aborted_upload_leaves_nothing(place: Place, alice: Person, chat: str) -> None:
    whole = form(chat, "a.pdf", samples.PDF + bytes(2**20))
    head = f"POST /api/v1/messages/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    head += f"Content-Type: multipart/form-data; boundary=XXX\r\nContent-Length: {len(whole)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", place.server.port)) as client:
        client.sendall(head.encode() + whole[:-100])
    assert alice.get("/users/me").ok


@pytest.mark.usefixtures("unchanged")
def test_permission_is_checked_before_the_file_is_read(place: Place, alice: Person, carol: Person, chat: str) -> None:
    def first_response(person: Person | None, chat_id: str) -> int:
        """The status that arrives after only the beginning of the file was sent."""
        begin = form(chat_id, "a.pdf", samples.PDF + bytes(100_000)).removesuffix(b"\r\n--XXX--\r\n")
        lines = ["POST /api/v1/messages/upload HTTP/1.1", "Host: x", f"Content-Length: {10 * 2**20}"]
        lines += ["Content-Type: multipart/form-data; boundary=XXX"]
        lines += [f"Authorization: Bearer {person.token}"] if person else []
        with socket.create_connection(("127.0.0.1", place.server.port), timeout=10) as client:
            client.sendall("\r\n".join([*lines, "", ""]).encode() + begin)
            return int(client.recv(100).split()[1])

    assert first_response(None, chat) == 401
    assert first_response(carol, chat) == 404
    assert first_response(alice, str(uuid.uuid4())) == 404


@pytest.mark.usefixtures("unchanged")
def test_outsiders_can_not_upload_wherever_the_chat_field_is(
    place: Place, alice: Person, carol: Person, chat: str
) -> None:
    last = [("file", ("a.png", PNG)), ("chatId", (None, chat))]
    assert problem(carol.request("POST", "/messages/upload", files=last)) == (404, "not_found")
    assert problem(carol.upload(chat, "a.html", samples.HTML)) == (404, "not_found")


def test_chat_field_can_follow_the_file(place: Place, alice: Person, chat: str) -> None:
    last = [("file", ("a.png", PNG)), ("chatId", (None, chat))]
    assert alice.request("POST", "/messages/upload", files=last).status_code == 201


@pytest.fixture
def polyglots() -> dict[str, Callable[[], bytes]]:
    """Images that are also files of another type."""
    return {
        "png": lambda: PNG + samples.archive(evil_dot_class=b"x"),
        "jpg": lambda: JPEG + samples.HTML,
        "gif": lambda: GIF + samples.HTML,
        "webp": lambda: samples.image("WEBP") + samples.archive(evil_dot_class=b"x"),
    }


def test_polyglot_is_reduced_to_the_picture(
    place: Place, alice: Person, chat: str, polyglots: dict[str, Callable[[], bytes]]
) -> None:
    for ending, make in polyglots.items():
        message = alice.upload(chat, f"a.{ending}", make()).json()["data"]
        stored = place.fetch(message["fileUrl"]).content
        assert b"PK\3\4" not in stored, ending
        assert b"<script" not in stored, ending
        assert make().startswith(stored), ending
