"""Files are sent, emitted and stored."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data, problem
from tests.socket_clients import JsDriver


@pytest.mark.parametrize(("name", "content", "declared", "type"), samples.good(), ids=lambda part: str(part)[:12])
@pytest.mark.parametrize("is_declared", [True, False])
def test_each_type_is_stored_unchanged(
    place: Place, alice: Person, chat: str, name: str, content: bytes, declared: str, type: str, is_declared: bool
) -> None:
    response = alice.upload(chat, name, content, declared if is_declared else None, content=" Look ")
    assert response.status_code == 201
    message = data(response)
    shown = {"type": type, "content": "Look", "fileName": name, "fileSize": len(content)}
    assert message | shown == message
    assert [message[field] is None for field in ("thumbnailUrl", "width", "height")] == [type == "FILE"] * 3
    assert place.fetch(message["fileUrl"]).content == content


def test_caption_newlines_of_browsers_are_normalised(place: Place, alice: Person, chat: str) -> None:
    response = alice.upload(chat, "a.pdf", samples.PDF, content="one\r\ntwo")
    assert (response.status_code, data(response)["content"]) == (201, "one\ntwo")


def test_invisible_caption_is_refused(place: Place, alice: Person, chat: str) -> None:
    response = alice.upload(chat, "a.pdf", samples.PDF, content="\u200b")
    assert problem(response) == (422, "validation_error")
    assert set(response.json()["errors"]) == {"content"}


def test_file_message_is_emitted_to_members(
    place: Place, alice: Person, bob: Person, chat: str, js_driver: JsDriver
) -> None:
    listener = js_driver.connect(bob.url, bob.token)
    message = data(alice.upload(chat, "a.png", samples.image("PNG", (400, 200)), content="x"))
    event = listener.wait_for("message:new")
    listener.disconnect()
    assert event == {name: value for name, value in message.items() if name != "status"}
    assert (message["width"], message["height"], message["status"]) == (400, 200, "SENT")
    assert [place.fetch(event[url]).status_code for url in ("fileUrl", "thumbnailUrl")] == [200, 200]


def test_urls_are_valid_in_every_response(place: Place, alice: Person, bob: Person, chat: str) -> None:
    message = data(alice.upload(chat, "a.png", samples.image("PNG")))
    read = [
        data(bob.get(f"/messages/{chat}"))[0],
        data(bob.get(f"/messages/{chat}", after=message["rev"] - 1))[0],
        data(bob.get("/chats"))[0]["lastMessage"],
        data(bob.get(f"/chats/{chat}"))["lastMessage"],
        data(bob.post("/sync", {"chats": {chat: message["rev"] - 1}}))["messages"][chat][0],
        data(alice.patch(f"/messages/{message['id']}", {"content": ""})),
    ]
    assert [found["id"] for found in read] == [message["id"]] * 6
    for found in read:
        for url in ("fileUrl", "thumbnailUrl"):
            assert place.fetch(found[url]).status_code == 200


def test_the_same_client_id_sends_once(place: Place, alice: Person, chat: str, engine: Engine) -> None:
    mine = str(uuid.uuid4())
    first = alice.upload(chat, "a.pdf", samples.PDF, content="x", clientId=mine)
    before = place.count(engine)
    again = alice.upload(chat, "a.pdf", samples.PDF, content="x", clientId=mine)
    assert (first.status_code, again.status_code) == (201, 200)
    assert data(first) == data(again)
    assert place.count(engine) == before


def test_the_same_client_id_at_once_sends_once(place: Place, alice: Person, chat: str, engine: Engine) -> None:
    mine = str(uuid.uuid4())
    messages, uploads, stored = place.count(engine)
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda _: alice.upload(chat, "a.pdf", samples.PDF, clientId=mine), range(6)))
    assert sorted(response.status_code for response in responses) == [200] * 5 + [201]
    assert len({data(response)["id"] for response in responses}) == 1
    after = place.count(engine)
    assert (after[0], after[1], len(after[2])) == (messages + 1, uploads + 1, len(stored) + 1)


def test_client_id_can_not_be_reused_for_another_file(place: Place, alice: Person, carol: Person, chat: str) -> None:
    mine = str(uuid.uuid4())
    assert alice.upload(chat, "a.pdf", samples.PDF, content="x", clientId=mine).status_code == 201
    others = [
        alice.upload(chat, "a.pdf", samples.PDF + b"\n", content="x", clientId=mine),
        alice.upload(chat, "b.pdf", samples.PDF, content="x", clientId=mine),
        alice.upload(chat, "a.pdf", samples.PDF, content="y", clientId=mine),
        alice.upload(alice.direct_chat(carol), "a.pdf", samples.PDF, content="x", clientId=mine),
        alice.post("/messages", {"chatId": chat, "content": "x", "clientId": mine}),
    ]
    assert [problem(response) for response in others] == [(422, "client_id_reused")] * 5


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\\\Users\\\\me\\\\plan.pdf", "plan.pdf"),
        ("/plan.pdf", "plan.pdf"),
        (" Größe 🙂 \u65e5\u672c.pdf ", "Größe 🙂 \u65e5\u672c.pdf"),
        ("fdp.\u202eexe.pdf", "fdp.exe.pdf"),
        ('a "quoted"; name=x.pdf', 'a "quoted"; name=x.pdf'),
        ("evil.php.pdf", "evil.php.pdf"),
        ("x" * 251 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_file_names_are_preserved_without_folders(
    place: Place, alice: Person, chat: str, sent: str, stored: str
) -> None:
    before = place.stored()
    message = data(alice.upload(chat, sent, samples.PDF))
    assert message["fileName"] == stored
    (name,) = place.stored() - before
    assert message["fileUrl"].startswith(f"/uploads/{name}?")
    assert len(name) == 36


def test_the_largest_file_fits(place: Place, alice: Person, chat: str) -> None:
    largest = samples.PDF + bytes(10 * 2**20 - len(samples.PDF))
    message = data(alice.upload(chat, "a.pdf", largest))
    assert message["fileSize"] == 10 * 2**20
    assert place.fetch(message["fileUrl"]).content == largest
