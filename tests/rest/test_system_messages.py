"""Messages that a backend sends, as a member or as the system, and changes of any message."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.authorisation.conftest import A_PDF
from tests.conftest import NewKey
from tests.people import Backend, Person, data, problem

SYSTEM = "00000000-0000-7000-8000-000000000001"


@pytest.fixture
def group(backend: Backend, alice: Person, bob: Person) -> str:
    """A group of alice, its ADMIN, and bob."""
    body = {"name": "Team", "adminIds": [alice.id], "memberIds": [bob.id]}
    return str(data(backend.put(f"/server/chats/{uuid.uuid4()}", body))["id"])


def post(backend: Backend, chat: str, **body: Any) -> dict[str, Any]:
    return data(backend.post(f"/server/chats/{chat}/messages", body))  # type: ignore[no-any-return]


def entries(engine: Engine, message_id: str) -> list[tuple[str, str | None]]:
    with engine.connect() as db:
        found = text("SELECT action, acting_as::text FROM audit_log WHERE target_id = :id ORDER BY id")
        return [(action, acting_as) for action, acting_as in db.execute(found, {"id": message_id})]


def test_system_message_counts_as_unread(
    backend: Backend, alice: Person, bob: Person, group: str, engine: Engine
) -> None:
    response = backend.post(f"/server/chats/{group}/messages", {"content": " Order 7 was shipped. ", "silent": True})
    assert response.status_code == 201
    sent = data(response)
    assert (sent["type"], sent["content"], sent["senderId"]) == ("SYSTEM", "Order 7 was shipped.", SYSTEM)
    assert (sent["system"], sent["seq"], sent["status"], sent["fileUrl"]) == ({"event": "message"}, 1, "SENT", None)
    assert sent["sender"] == {"id": SYSTEM, "username": "system", "avatar": None}
    assert entries(engine, sent["id"]) == [("message.created", None)]
    for person in (alice, bob):
        chat = data(person.get("/chats"))[0]
        assert (chat["unreadCount"], chat["lastMessage"]["id"]) == (1, sent["id"])
        assert data(person.get(f"/messages/{group}"))[0] == sent | {"status": "DELIVERED"}
    (sync,) = data(bob.post("/sync", {"chats": {group: 1}}))["messages"][group]
    assert (sync["id"], sync["system"]) == (sent["id"], {"event": "message"})
    assert data(bob.get(f"/messages/{group}", after=1))[0]["id"] == sent["id"]
    statuses = {each["userId"]: each["status"] for each in data(alice.get(f"/messages/{sent['id']}/statuses"))}
    assert statuses == {alice.id: "DELIVERED", bob.id: "DELIVERED"}
    bob.post(f"/messages/{group}/read")
    assert data(bob.get("/chats"))[0]["unreadCount"] == 0
    # A message in between is numbered like any other.
    assert alice.send(group, "Thanks")["seq"] == 2


def test_system_says_what_happened(backend: Backend, group: str) -> None:
    system = {"event": "order.shipped", "order": {"id": 7, "lines": [1.5, True, None]}}
    assert post(backend, group, content="x", system=system)["system"] == system
    assert post(backend, group, content="x", system=None)["system"] == {"event": "message"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": ""}, "content"),
        ({"content": "x" * 4001}, "content"),
        ({"content": "x", "system": {}}, "system"),
        ({"content": "x", "system": {"event": ""}}, "system"),
        ({"content": "x", "system": {"event": "x" * 65}}, "system"),
        ({"content": "x", "system": {"event": 1}}, "system"),
        ({"content": "x", "system": {"text": "no event"}}, "system"),
        ({"content": "x", "system": {"event": "x", "text": "x" * 2048}}, "system"),
        ({"content": "x", "type": "SYSTEM"}, "type"),
        ({"content": "x", "type": "IMAGE"}, "type"),
        ({"content": "x", "fileUrl": "/uploads/x"}, "fileUrl"),
        ({"content": "x", "clientId": "1"}, "clientId"),
        ({"content": "x", "silent": 1}, "silent"),
        ({"content": "x", "chatId": SYSTEM}, "chatId"),
        ({"content": "x", "senderId": SYSTEM.replace("1", "2"), "system": {"event": "x"}}, "system"),
        ({"content": "x", "senderId": "alice"}, "senderId"),
    ],
)
def test_invalid_messages_are_refused(backend: Backend, group: str, body: dict[str, Any], field: str) -> None:
    response = backend.post(f"/server/chats/{group}/messages", body)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == [field]
    assert data(backend.get(f"/server/chats/{group}"))["lastSeq"] == 0


def test_client_ids_are_one_namespace(backend: Backend, new_key: NewKey, alice: Person, group: str) -> None:
    client_id, other = str(uuid.uuid4()), new_key("messages")
    body = {"content": "x", "system": {"event": "a", "b": 1}, "clientId": client_id}
    first = post(backend, group, **body)
    again = other.post(f"/server/chats/{group}/messages", body | {"system": {"b": 1, "event": "a"}})
    assert (again.status_code, data(again)) == (200, first)
    for changed in ({"content": "y"}, {"system": {"event": "b"}}, {"system": None}):
        response = other.post(f"/server/chats/{group}/messages", body | changed)
        assert problem(response) == (422, "client_id_reused")
    # Users have their own.
    assert alice.send(group, "x", clientId=client_id)["seq"] == 2
    backend.delete(f"/server/messages/{first['id']}")
    deleted = backend.post(f"/server/chats/{group}/messages", body)
    assert (deleted.status_code, data(deleted)["isDeleted"]) == (200, True)


def test_concurrent_repetitions_are_stored_once(backend: Backend, group: str) -> None:
    body = {"content": "x", "clientId": str(uuid.uuid4())}
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda _: backend.post(f"/server/chats/{group}/messages", body), range(12)))
    assert sorted(response.status_code for response in responses) == [200] * 11 + [201]
    assert {data(response)["id"] for response in responses} == {data(responses[0])["id"]}
    assert data(backend.get(f"/server/chats/{group}"))["lastSeq"] == 1


def test_system_and_users_send_at_once(backend: Backend, alice: Person, bob: Person, group: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(post, backend, group, content=str(n)) for n in range(10)]
        jobs += [pool.submit(person.send, group, str(n)) for n in range(10) for person in (alice, bob)]
        numbers = sorted((job.result()["seq"], job.result()["rev"]) for job in jobs)
    assert numbers == [(n, n + 1) for n in range(1, 31)]


def test_messages_are_sent_as_members(
    backend: Backend, alice: Person, bob: Person, carol: Person, group: str, engine: Engine
) -> None:
    body = {"content": "Hi", "senderId": bob.id, "clientId": str(uuid.uuid4())}
    response = backend.post(f"/server/chats/{group}/messages", body)
    assert response.status_code == 201
    sent = data(response)
    assert (sent["type"], sent["senderId"], sent["sender"]["username"], sent["status"]) == (
        "TEXT", bob.id, bob.name, "SENT",
    )  # fmt: skip
    assert "system" not in sent
    assert backend.post(f"/server/chats/{group}/messages", body).status_code == 200
    # The same as if bob repeated it.
    assert bob.post("/messages", {"chatId": group} | {k: body[k] for k in ("content", "clientId")}).status_code == 200
    assert problem(backend.post(f"/server/chats/{group}/messages", body | {"content": "Ho"})) == (
        422,
        "client_id_reused",
    )
    assert entries(engine, sent["id"]) == [("message.created", bob.id)]
    assert data(alice.get("/chats"))[0]["unreadCount"] == 1
    assert problem(backend.post(f"/server/chats/{group}/messages", body | {"senderId": carol.id})) == (
        409,
        "not_a_member",
    )
    response = backend.post(f"/server/chats/{group}/messages", body | {"senderId": "ext:nobody"})
    assert problem(response) == (404, "not_found")
    assert "ext:nobody" in response.json()["detail"]
    assert problem(backend.post(f"/server/chats/{group}/messages", body | {"senderId": SYSTEM})) == (404, "not_found")
    assert problem(backend.post("/server/chats/ext:none/messages", {"content": "x"})) == (404, "not_found")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": bob.id})
    body["clientId"] = str(uuid.uuid4())
    assert problem(backend.post(f"/server/chats/{group}/messages", body)) == (409, "user_inactive")


def test_members_files_are_forwarded(backend: Backend, alice: Person, bob: Person, group: str) -> None:
    file = data(alice.upload(alice.direct_chat(bob), "notes.pdf", A_PDF))
    body = {"content": "", "senderId": bob.id, "type": "FILE", "fileUrl": file["fileUrl"]}
    assert post(backend, group, **body)["fileName"] == "notes.pdf"
    body["fileUrl"] = file["fileUrl"].replace(file["fileUrl"][12:16], "0000")
    response = backend.post(f"/server/chats/{group}/messages", body)
    assert problem(response) == (422, "validation_error")


def test_listing_marks_nothing_as_delivered(backend: Backend, alice: Person, bob: Person, group: str) -> None:
    first, second = alice.send(group, "1"), alice.send(group, "2")
    system = post(backend, group, content="3")
    listed = data(backend.get(f"/server/chats/{group}/messages"))
    assert [message["id"] for message in listed] == [system["id"], second["id"], first["id"]]
    assert {message["status"] for message in listed} == {"SENT"}
    assert data(alice.get(f"/messages/{first['id']}/statuses"))[0]["status"] == "SENT"
    page = backend.get(f"/server/chats/{group}/messages", limit=2).json()
    cursor = page["meta"]["nextCursor"]
    rest = data(backend.get(f"/server/chats/{group}/messages", limit=2, cursor=cursor))
    assert [message["id"] for message in rest] == [first["id"]]
    bob.get(f"/messages/{group}")
    assert data(backend.get(f"/server/chats/{group}/messages"))[2]["status"] == "DELIVERED"
    alice.patch(f"/messages/{first['id']}", {"content": "edited"})
    after = data(backend.get(f"/server/chats/{group}/messages", after=second["rev"]))
    assert [message["id"] for message in after] == [system["id"], first["id"]]
    for query in ({"cursor": cursor, "after": 1}, {"cursor": "x"}):
        assert problem(backend.get(f"/server/chats/{group}/messages", **query)) == (400, "cursor_invalid")
    assert problem(backend.get("/server/chats/ext:none/messages")) == (404, "not_found")


def test_servers_change_messages_of_any_sender(
    backend: Backend, alice: Person, bob: Person, group: str, engine: Engine
) -> None:
    for message in (bob.send(group, "x"), post(backend, group, content="x")):
        path = f"/server/messages/{message['id']}"
        edited = data(backend.patch(path, {"content": "y"}))
        assert data(backend.patch(path, {"content": "y"})) == edited
        assert (edited["content"], edited["isEdited"], edited["senderId"]) == ("y", True, message["senderId"])
        assert edited.get("system") == message.get("system")
        assert problem(backend.patch(path, {"content": ""})) == (422, "validation_error")
        for _ in range(2):
            assert backend.delete(path).status_code == 204
        assert problem(backend.patch(path, {"content": "z"})) == (409, "conflict")
        tombstone = next(m for m in data(alice.get(f"/messages/{group}")) if m["id"] == message["id"])
        assert (tombstone["content"], tombstone["isDeleted"]) == (None, True)
        assert "system" not in tombstone
        actions = [action for action, _ in entries(engine, message["id"]) if action != "message.created"]
        assert actions == ["message.updated", "message.deleted"]
    unknown = f"/server/messages/{uuid.uuid4()}"
    assert problem(backend.patch(unknown, {"content": "x"})) == (404, "not_found")
    assert problem(backend.delete(unknown)) == (404, "not_found")


def test_users_do_not_edit_system_messages(
    backend: Backend, admin: Person, alice: Person, bob: Person, group: str
) -> None:
    first, second = post(backend, group, content="1"), post(backend, group, content="2")
    for person in (alice, bob):
        assert problem(person.patch(f"/messages/{first['id']}", {"content": "x"})) == (403, "forbidden")
    assert problem(bob.delete(f"/messages/{first['id']}")) == (403, "forbidden")
    assert alice.delete(f"/messages/{first['id']}").status_code == 204
    assert admin.delete(f"/messages/{second['id']}").status_code == 204


def test_users_do_not_send_system_messages(alice: Person, bob: Person, group: str) -> None:
    file = data(alice.upload(group, "notes.pdf", A_PDF))
    for fields in ({}, {"fileUrl": file["fileUrl"]}):
        body = {"chatId": group, "content": "x", "type": "SYSTEM", **fields}
        assert problem(alice.post("/messages", body)) == (422, "validation_error")
    assert problem(alice.post("/messages", {"chatId": group, "content": "x", "system": {"event": "x"}})) == (
        422, "validation_error",
    )  # fmt: skip
    # The user `system` can't be found, messaged or added.
    assert problem(alice.get("/users/system")) == (404, "not_found")
    assert all(user["id"] != SYSTEM for user in data(alice.get("/users/search", q="system")))
    assert problem(alice.post("/chats/direct", {"userId": SYSTEM})) == (404, "not_found")
    assert problem(alice.post(f"/chats/{group}/members", {"userId": SYSTEM})) == (404, "not_found")


def test_system_messages_reach_direct_chats_and_empty_groups(backend: Backend, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    assert post(backend, chat, content="x")["seq"] == 1
    assert data(bob.get("/chats"))[0]["unreadCount"] == 1
    empty = data(backend.put(f"/server/chats/{uuid.uuid4()}", {"name": "x"}))["id"]
    assert post(backend, empty, content="x")["seq"] == 1
    backend.delete(f"/server/chats/{empty}")
    assert problem(backend.post(f"/server/chats/{empty}/messages", {"content": "x"})) == (404, "not_found")
