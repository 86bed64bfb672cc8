"""Access to files: with a signed URL, or for members of a chat that contains the file; until its message is deleted."""

import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, text

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data, problem
from tests.waiting import eventually

Url = tuple[str, str]


@pytest.fixture
def message(alice: Person, chat: str) -> dict[str, str]:
    """A message with an image, in the chat of alice and bob."""
    sent: dict[str, str] = data(alice.upload(chat, "a.png", samples.image("PNG")))
    return sent


@pytest.fixture(params=["fileUrl", "thumbnailUrl"])
def url(request: pytest.FixtureRequest, message: dict[str, str]) -> str:
    """Its file URL and its thumbnail URL."""
    return message[request.param]


def bare(url: str) -> str:
    """A URL without its signature."""
    return urlsplit(url).path


def test_url_is_valid_for_an_hour_and_the_same_for_all_members(
    alice: Person, bob: Person, chat: str, message: dict[str, str]
) -> None:
    assert re.fullmatch(
        r"/uploads/[0-9a-f]{32}\.png\?message=[0-9a-f-]{36}&expires=\d+&signature=\w+", message["fileUrl"]
    )
    expires = int(parse_qs(urlsplit(message["fileUrl"]).query)["expires"][0])
    assert 3600 < expires - time.time() <= 3 * 3600
    assert expires % 3600 == 0
    assert {data(one.get(f"/messages/{chat}"))[0]["fileUrl"] for one in (alice, bob)} == {message["fileUrl"]}


def test_only_members_can_download(place: Place, alice: Person, bob: Person, carol: Person, url: str) -> None:
    assert [place.fetch(bare(url), person).status_code for person in (alice, bob)] == [200, 200]
    assert problem(place.fetch(bare(url), carol)) == (404, "not_found")
    anonymous = place.fetch(bare(url))
    assert problem(anonymous) == (401, "token_invalid")
    assert anonymous.headers["WWW-Authenticate"] == "Bearer"
    assert place.fetch(url).status_code == 200
    assert place.fetch(url, headers={"Authorization": "Bearer nonsense"}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
        lambda url: url.replace("expires=", "expires=1"),
        lambda url: re.sub("expires=[0-9]+", "expires=99999999999", url),
        lambda url: re.sub("expires=[0-9]+", "expires=1000000000", url),
        lambda url: re.sub("message=[^&]+", f"message={uuid.uuid4()}", url),
        lambda url: re.sub("signature=.*", "signature=", url),
        lambda url: re.sub("signature=.*", "signature=%F0%9F%99%82%00", url),
        lambda url: re.sub("expires=[0-9]+", "expires=%00", url),
        lambda url: re.sub("expires=[0-9]+", "expires=1e9", url),
        lambda url: re.sub("message=[^&]+", "message=x", url),
    ],
)
def test_tampered_url_is_refused(
    place: Place, bob: Person, carol: Person, url: str, change: Callable[[str], str]
) -> None:
    assert problem(place.fetch(change(url))) == (401, "token_invalid")
    assert problem(place.fetch(change(url), carol)) == (404, "not_found")
    assert place.fetch(change(url), bob).status_code == 200


def test_signature_is_valid_for_one_file(place: Place, alice: Person, chat: str, message: dict[str, str]) -> None:
    other = data(alice.upload(chat, "b.png", samples.image("PNG")))
    for path in (bare(other["fileUrl"]), bare(message["thumbnailUrl"])):
        assert place.fetch(f"{path}?{urlsplit(message['fileUrl']).query}").status_code == 401


def test_url_expires(place: Place, url: str, engine: Engine) -> None:
    """Sign the URL with an expiry of one second ago."""
    name, query = bare(url).rpartition("/")[2], parse_qs(urlsplit(url).query)
    past = int(time.time()) - 1
    sign = (
        "SELECT file_signature(:name, secret, CAST(:id AS uuid), :past) FROM uploads WHERE :name IN (name, thumbnail)"
    )
    with engine.connect() as db:
        values = {"name": name, "id": query["message"][0], "past": past}
        signature = db.execute(text(sign), values).scalar_one()
    old = f"/uploads/{name}?message={query['message'][0]}&expires={past}&signature={signature}"
    assert problem(place.fetch(old)) == (401, "token_invalid")
    assert place.fetch(old.replace(f"={past}&", f"={past + 5}&")).status_code == 401


@pytest.mark.parametrize(
    "name", ["none.png", "0" * 32 + ".png", "..%2F..%2Fetc%2Fpasswd", "%00", "a%00.png", "x" * 500, "%ff", "*"]
)
def test_unknown_file_is_not_found(place: Place, alice: Person, name: str) -> None:
    assert problem(place.fetch(f"/uploads/{name}", alice)) == (404, "not_found")
    assert place.fetch(f"/uploads/{name}").status_code in (401, 404)


def test_former_member_can_not_download(place: Place, alice: Person, bob: Person, carol: Person) -> None:
    group = data(alice.post("/chats/groups", {"name": "Group", "memberIds": [bob.id]}))["id"]
    path = bare(data(alice.upload(group, "a.pdf", samples.PDF))["fileUrl"])
    assert place.fetch(path, bob).status_code == 200
    assert bob.delete(f"/chats/{group}/leave").status_code == 204
    assert place.fetch(path, bob).status_code == 404
    assert alice.post(f"/chats/{group}/members", {"userId": carol.id}).status_code == 201
    assert place.fetch(path, carol).status_code == 200


def test_file_is_deleted_with_its_message(place: Place, alice: Person, bob: Person, chat: str) -> None:
    before = place.stored()
    message = data(alice.upload(chat, "a.png", samples.image("PNG")))
    assert len(place.stored() - before) == 2
    assert alice.delete(f"/messages/{message['id']}").status_code == 204
    assert place.stored() == before
    for url in (message["fileUrl"], message["thumbnailUrl"]):
        assert problem(place.fetch(url)) == (404, "not_found")
        assert problem(place.fetch(bare(url), bob)) == (404, "not_found")
    left = data(bob.get(f"/messages/{chat}"))[0]
    nothing = ("content", "fileUrl", "fileName", "fileSize", "thumbnailUrl", "width", "height")
    assert [left[name] for name in nothing] == [None] * 7
    forward = alice.post("/messages", {"chatId": chat, "content": "", "fileUrl": message["fileUrl"]})
    assert problem(forward) == (422, "validation_error")


def test_file_is_deleted_with_its_group(place: Place, alice: Person) -> None:
    group = data(alice.post("/chats/groups", {"name": "Group"}))["id"]
    url = data(alice.upload(group, "a.pdf", samples.PDF))["fileUrl"]
    assert alice.delete(f"/chats/{group}").status_code == 204
    assert place.fetch(url).status_code == 404
    assert place.fetch(bare(url), alice).status_code == 404
    eventually(lambda: bare(url).removeprefix("/uploads/") not in place.stored(), 30)


def test_forwarded_file_exists_until_its_last_message_is_deleted(
    place: Place, alice: Person, bob: Person, carol: Person, chat: str, message: dict[str, str]
) -> None:
    before = place.stored()
    claims = {"type": "FILE", "fileName": "other.exe", "fileSize": 1}
    body = {"chatId": bob.direct_chat(carol), "content": "", "fileUrl": message["fileUrl"], **claims}
    copy = data(bob.post("/messages", body))
    same = ("type", "fileName", "fileSize", "width", "height")
    assert [copy[name] for name in same] == [message[name] for name in same]
    assert place.stored() <= before
    # Each message has its own URL for the file, which is invalid once the message is deleted.
    assert place.fetch(bare(copy["fileUrl"]), carol).status_code == 200
    assert alice.delete(f"/messages/{message['id']}").status_code == 204
    assert place.fetch(message["fileUrl"]).status_code == 404
    assert place.fetch(bare(message["fileUrl"]), alice).status_code == 404
    assert place.fetch(copy["fileUrl"]).status_code == 200
    assert bob.delete(f"/messages/{copy['id']}").status_code == 204
    assert place.fetch(copy["fileUrl"]).status_code == 404
    urls = (message["fileUrl"], message["thumbnailUrl"])
    names = {bare(url).removeprefix("/uploads/") for url in urls}
    assert names <= before
    assert not names & place.stored()
