"""Downloads have the right type, support ranges, and never run as code."""

from urllib.parse import unquote

import pytest
import requests

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data, problem, register


@pytest.fixture
def pdf(alice: Person, chat: str) -> str:
    """The `fileUrl` of a file with 26 letters after its header."""
    url: str = data(alice.upload(chat, "letters.pdf", b"%PDF-abcdefghijklmnopqrstuvwxyz"))["fileUrl"]
    return url


@pytest.mark.parametrize(("name", "content", "declared", "type"), samples.good()[1:9], ids=lambda part: str(part)[:12])
def test_download_has_its_type_and_a_strict_policy(
    place: Place, alice: Person, chat: str, name: str, content: bytes, declared: str, type: str
) -> None:
    response = place.fetch(data(alice.upload(chat, name, content))["fileUrl"])
    guarded = response.history[0] if place.kind == "bucket" else response
    assert guarded.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in guarded.headers["Content-Security-Policy"]
    assert "default-src 'none'" in guarded.headers["Content-Security-Policy"]
    assert response.headers["Content-Type"] == declared.replace("image/jpg", "image/jpeg")
    disposition = response.headers["Content-Disposition"]
    assert disposition.split(";")[0] == ("inline" if type == "IMAGE" else "attachment")
    assert f"filename={name}" in disposition.replace('"', "")


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Größe 日本.pdf", "Groe .pdf"), ("日本.pdf", "file.pdf"), ('a"b;c.pdf', "ab;c.pdf"), ("100%25.pdf", "10025.pdf")],
)
def test_attachment_has_its_original_name(place: Place, alice: Person, chat: str, name: str, plain: str) -> None:
    message = data(alice.upload(chat, name.replace('"', '\\"'), samples.PDF))
    assert message["fileName"] == name
    disposition = place.fetch(message["fileUrl"]).headers["Content-Disposition"]
    assert disposition.replace('"', "").startswith(f"attachment; filename={plain};")
    assert unquote(disposition.partition("filename*=UTF-8''")[2]) == name


@pytest.mark.parametrize(
    ("requested", "part"),
    [
        ("bytes=5-7", b"abc"),
        ("bytes=0-4", b"%PDF-"),
        ("bytes=28-", b"xyz"),
        ("bytes=-2", b"yz"),
        ("bytes=29-99", b"yz"),
    ],
)
def test_range_requests_return_parts(place: Place, pdf: str, requested: str, part: bytes) -> None:
    response = place.fetch(pdf, headers={"Range": requested})
    assert (response.status_code, response.content) == (206, part)
    assert response.headers["Content-Range"].endswith("/31")


def test_range_beyond_the_end_is_refused(disk_place: Place) -> None:
    place, url = disk_place, _one(disk_place)
    response = place.fetch(url, headers={"Range": "bytes=99-"})
    assert problem(response) == (416, "range_not_satisfiable")
    assert response.headers["Content-Range"] == "bytes */31"


@pytest.mark.parametrize("requested", ["bytes=0-1,3-4", "bytes=", "bytes=x-y", "lines=1-2", "bytes=7-5", "nonsense"])
def test_invalid_range_returns_the_whole_file_or_416(disk_place: Place, requested: str) -> None:
    assert disk_place.fetch(_one(disk_place), headers={"Range": requested}).status_code in (200, 416)


def test_not_modified_when_etag_matches(disk_place: Place) -> None:
    url = _one(disk_place)
    tag = disk_place.fetch(url).headers["ETag"]
    again = disk_place.fetch(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert disk_place.fetch(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert disk_place.fetch(url, headers={"If-Range": '"other"', "Range": "bytes=0-1"}).status_code == 200
    assert disk_place.fetch(url, headers={"If-Range": tag, "Range": "bytes=0-1"}).status_code == 206


def test_head_request_returns_headers(place: Place, pdf: str) -> None:
    response = requests.head(place.server.url + pdf, allow_redirects=True, timeout=20)
    assert (response.status_code, response.headers["Content-Length"], response.content) == (200, "31", b"")


def test_response_is_not_cached_by_proxies(place: Place, pdf: str) -> None:
    response = place.fetch(pdf)
    assert all("private" in one.headers["Cache-Control"] for one in (response, *response.history))


def _one(place: Place) -> str:
    """The `fileUrl` of a file of 31 bytes."""
    alice, bob = register(place.server.url, "alice"), register(place.server.url, "bob")
    upload = alice.upload(alice.direct_chat(bob), "letters.pdf", b"%PDF-abcdefghijklmnopqrstuvwxyz")
    return str(data(upload)["fileUrl"])
