"""Erasure of users by servers."""

import secrets
import time
import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.authorisation.conftest import A_PDF
from tests.conftest import Connect, NewKey, NewPerson, only_admin
from tests.people import Person, data, problem

SECONDS = 20.0


@pytest.fixture(scope="module")
def backend(register_person: NewPerson, engine: Engine) -> Person:
    """A caller with the scopes `users` and `admin`: a user with the role ADMIN."""
    person = register_person("backend")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": person.id})
    return person


@pytest.fixture
def external_id(backend: Person, alice: Person) -> str:
    """The external id of alice, who has data that only servers see."""
    external_id = secrets.token_hex(6)
    about = {"externalId": external_id, "displayName": "Alice", "data": {"a": 1}, "privateData": {"b": 2}}
    data(backend.patch(f"/server/users/{alice.id}", about))
    return external_id


def erase(backend: Person, user: str, **query: str) -> dict[str, Any]:
    """The job that erases a user."""
    response = backend.request("DELETE", f"/server/users/{user}", params=query)
    assert response.status_code == 202, response.text
    job: dict[str, Any] = data(response)
    assert job["type"] == "user_erasure"
    return job


def finished(backend: Person, job: dict[str, Any]) -> dict[str, Any]:
    """The job once it is done."""
    deadline = time.monotonic() + SECONDS
    while True:
        now: dict[str, Any] = data(backend.get(f"/server/jobs/{job['id']}"))
        if now["status"] == "done":
            return now
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


def test_an_erased_account_keeps_its_messages_without_a_name(
    backend: Person, alice: Person, bob: Person, carol: Person, external_id: str, connect: Connect, engine: Engine
) -> None:
    group = data(alice.post("/chats/groups", {"name": "Group", "memberIds": [bob.id, carol.id]}))["id"]
    alone = data(alice.post("/chats/groups", {"name": "Alone"}))["id"]
    chat_id, client_id = bob.direct_chat(alice), str(uuid.uuid4())
    alice.send(group, "from alice")
    alice.send(chat_id, "hello")
    sent = bob.send(chat_id, "before", clientId=client_id)
    own, others = connect(alice, transports=["websocket"]), connect(bob)

    job = erase(backend, f"ext:{external_id}")
    # In force when the response is sent.
    assert problem(alice.get("/users/me")) == (401, "token_invalid")
    assert own.wait_disconnect() == "io server disconnect"
    user = {"externalId": external_id, "username": alice.name, "email": alice.email}
    new = data(backend.post("/server/users", {"users": [user]}))[0]
    assert new["id"] != alice.id
    assert not {"displayName", "data", "privateData"} & set(new)

    assert finished(backend, job)["done"] == 3
    event = others.wait_for("chat:member_left")
    assert (event["chatId"], event["userId"]) == (group, alice.id)
    roles = {member["userId"]: member["role"] for member in data(bob.get(f"/chats/{group}"))["members"]}
    assert roles == {bob.id: "ADMIN", carol.id: "MEMBER"}
    sender = data(bob.get(f"/messages/{group}"))[0]["sender"]
    assert (sender["id"], sender["isDeleted"], sender["avatar"]) == (alice.id, True, None)
    assert sender["username"].startswith("deleted_")
    assert "displayName" not in sender
    update = others.wait_for("user:updated")["user"]
    assert (update["id"], update["isDeleted"], update["username"]) == (alice.id, True, sender["username"])
    with engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM chats WHERE id = :id"), {"id": alone}).scalar() == 0
        for table in ("sessions", "login_addresses"):
            left = db.execute(text(f"SELECT count(*) FROM {table} WHERE user_id = :id"), {"id": alice.id})
            assert left.scalar() == 0
        row = str(db.execute(text("SELECT u FROM users u WHERE id = :id"), {"id": alice.id}).scalar())
        entry = db.execute(
            text("SELECT details FROM audit_log WHERE target_id = :id AND action = 'user.deleted'"), {"id": alice.id}
        ).scalar_one()
    assert not [word for word in (alice.name, alice.email, external_id, "Alice") if word in row]
    assert entry == {"messages": "keep"}

    # The direct chat stays, and takes no new messages.
    peer = data(bob.get(f"/chats/{chat_id}"))["peer"]
    assert (peer["id"], peer["isDeleted"]) == (alice.id, True)
    body = {"chatId": chat_id, "content": "after"}
    assert problem(bob.post("/messages", body)) == (403, "cannot_send")
    assert others.call("message:send", body)["error"]["code"] == "cannot_send"
    assert problem(bob.upload(chat_id, "notes.pdf", A_PDF)) == (403, "cannot_send")
    again = bob.post("/messages", {"chatId": chat_id, "content": "before", "clientId": client_id})
    assert (again.status_code, again.json()["data"]["id"]) == (200, sent["id"])
    assert problem(carol.post("/messages", body)) == (404, "not_found")
    assert len(data(bob.get(f"/messages/{chat_id}"))) == 2

    # They are no longer found.
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/deactivate"), ("POST", "/reactivate"), ("DELETE", "")):
        assert problem(backend.request(method, f"/server/users/{alice.id}{path}", json={})) == (404, "not_found")
    assert problem(bob.get(f"/users/{sender['username']}")) == (404, "not_found")
    assert problem(carol.post("/chats/direct", {"userId": alice.id})) == (404, "not_found")
    assert alice.id not in [user["id"] for user in data(backend.get("/server/users", q="deleted_"))]
    assert data(backend.get("/admin/users", q=sender["username"])) == []


def test_messages_are_erased_like_single_ones(
    backend: Person, alice: Person, bob: Person, connect: Connect, engine: Engine
) -> None:
    chat_id = bob.direct_chat(alice)
    group = data(bob.post("/chats/groups", {"name": "Group", "memberIds": [alice.id]}))["id"]
    alice.send(chat_id, "without clientId")
    bob.send(chat_id, "from bob")
    url = data(alice.upload(group, "notes.pdf", A_PDF))["fileUrl"]
    # More than fit into one transaction.
    with engine.begin() as db:
        values = {"chat": group, "sender": alice.id, "count": 700}
        db.execute(
            text("""
            INSERT INTO messages (id, chat_id, sender_id, content, type, seq, rev, client_id)
            SELECT gen_random_uuid(), :chat, :sender, 'text ' || n, 'TEXT', 1 + n, 2 + n, gen_random_uuid()
            FROM generate_series(1, :count) n
            """),
            values,
        )
        db.execute(
            text("UPDATE chats SET last_seq = last_seq + :count, last_rev = last_rev + :count WHERE id = :chat"), values
        )
    before = data(bob.get(f"/chats/{chat_id}"))
    socket = connect(bob)
    job = finished(backend, erase(backend, alice.id, messages="erase"))
    assert (job["done"], job["total"]) == (704, 704)
    assert bob.request("GET", "/../.." + url).status_code == 404
    after = {message["seq"]: message for message in data(bob.get(f"/messages/{chat_id}"))}
    assert (after[1]["isDeleted"], after[1]["content"], after[2]["isDeleted"]) == (True, None, False)
    assert after[1]["rev"] == before["lastRev"] + 1
    socket.wait_for("message:deleted", lambda payload: payload["chatId"] == chat_id)
    deleted = [payload for _, payload in socket.received("message:deleted") if payload["chatId"] == group]
    revs = [payload["rev"] for payload in deleted]
    assert revs == sorted(set(revs))
    with engine.connect() as db:
        left = db.execute(
            text(
                "SELECT count(*), count(DISTINCT rev), max(rev) FROM messages WHERE chat_id = :id AND deleted_at IS NOT NULL"
            ),
            {"id": group},
        ).one()
        last_rev = db.execute(text("SELECT last_rev FROM chats WHERE id = :id"), {"id": group}).scalar()
    assert left[:2] == (701, 701)
    assert left[2] == last_rev


def test_other_changes_wait_for_the_job(backend: Person, alice: Person, bob: Person, engine: Engine) -> None:
    chat_id = bob.direct_chat(alice)
    with engine.begin() as db:
        db.execute(text("SELECT FROM chats WHERE id = :id FOR UPDATE"), {"id": chat_id})
        job = erase(backend, alice.id)
        path = f"/server/users/{alice.id}"
        assert problem(backend.patch(path, {"displayName": "X"})) == (409, "job_running")
        assert problem(backend.post(f"{path}/reactivate")) == (409, "job_running")
        assert problem(backend.post(f"{path}/revoke-tokens", {})) == (409, "job_running")
        assert problem(backend.delete(f"{path}/sessions")) == (409, "job_running")
        assert problem(backend.delete(f"{path}/avatar")) == (409, "job_running")
        uploaded = backend.request("PUT", f"{path}/avatar", files={"file": ("a.pdf", A_PDF)})
        assert problem(uploaded) == (409, "job_running")
        assert erase(backend, alice.id, messages="erase")["id"] == job["id"]
        assert problem(backend.get(path)) == (404, "not_found")
    finished(backend, job)
    assert problem(backend.patch(path, {"displayName": "X"})) == (404, "not_found")


def test_the_keys_of_an_erased_bot_end_at_once(backend: Person, alice: Person, new_key: NewKey) -> None:
    key = new_key("users:read", acts_as=alice.id)
    assert key.get("/server/users").status_code == 200
    erase(backend, alice.id)
    assert problem(key.get("/server/users")) == (401, "key_invalid")
    entries = data(backend.get("/admin/audit", target=key.id, action="key.revoked"))
    assert [entry["actor"]["id"] for entry in entries] == [backend.id]


def test_invalid_erasures_are_refused(backend: Person, alice: Person, engine: Engine) -> None:
    assert problem(backend.request("DELETE", f"/server/users/{alice.id}", params={"messages": "all"}))[0] == 422
    assert problem(backend.delete("/server/users/ext:unknown_user")) == (404, "not_found")
    assert problem(alice.delete(f"/server/users/{alice.id}")) == (403, "forbidden")
    with only_admin(engine, backend.id):
        assert problem(backend.delete(f"/server/users/{backend.id}")) == (409, "last_admin")


def test_reactions_of_an_erased_account_are_deleted(
    backend: Person, alice: Person, bob: Person, carol: Person, connect: Connect, engine: Engine
) -> None:
    group, direct = bob.group(alice, carol), bob.direct_chat(alice)
    sent = [bob.send(chat_id, "Hello") for chat_id in (group, group, direct)]
    for message in sent:
        for person in (alice, bob):
            data(person.request("PUT", f"/messages/{message['id']}/reactions/:a:"))
        data(alice.request("PUT", f"/messages/{message['id']}/reactions/:b:"))
    socket = connect(bob)
    job = finished(backend, erase(backend, alice.id))
    assert job["done"] == job["total"] == 5
    left = [{"emoji": ":a:", "count": 1, "userIds": [bob.id]}]
    taken_back = [{"userId": alice.id, "emoji": emoji, "on": False} for emoji in (":a:", ":b:")]
    events = {event["messageId"]: event for event in (socket.wait_for("message:changed") for _ in sent)}
    for message in sent:
        event = events[message["id"]]
        assert event["changes"] == {"reactions": left}
        assert sorted(event["actors"], key=lambda actor: actor["emoji"]) == taken_back
        shown = {each["id"]: each for each in data(bob.get(f"/messages/{message['chatId']}"))}[message["id"]]
        assert (shown["reactions"], shown["rev"]) == ([left[0] | {"mine": True}], event["rev"])
    assert problem(bob.request("PUT", f"/messages/{sent[2]['id']}/reactions/:a:")) == (403, "cannot_send")
    with engine.connect() as db:
        assert db.scalar(text("SELECT count(*) FROM reactions WHERE user_id = :id"), {"id": alice.id}) == 0


def test_own_state_of_an_erased_account_is_deleted(
    backend: Person, alice: Person, bob: Person, carol: Person, engine: Engine
) -> None:
    chat_id, group = bob.direct_chat(alice), bob.group(alice)
    message = bob.send(chat_id, "Hello")
    data(alice.request("PUT", f"/chats/{chat_id}/draft", json={"content": "x"}))
    data(alice.patch(f"/chats/{chat_id}/me", {"pinned": True, "isArchived": True}))
    assert alice.post("/messages/hide", {"messageIds": [message["id"]]}).status_code == 204
    assert alice.request("PUT", f"/users/me/blocks/{carol.id}").status_code == 204
    data(alice.patch("/users/me/settings", {"notify": "none"}))
    assert alice.delete(f"/chats/{group}/leave").status_code == 204
    finished(backend, erase(backend, alice.id))
    with engine.connect() as db:
        for table in ("drafts", "hidden_messages", "blocks", "left_chats"):
            left = db.execute(text(f"SELECT count(*) FROM {table} WHERE user_id = :id"), {"id": alice.id})
            assert left.scalar() == 0, table
        member = "SELECT me_rev, pinned_at, archived_seq, has_hidden FROM members WHERE user_id = :id"
        assert db.execute(text(member), {"id": alice.id}).all() == [(0, None, None, False)]
        settings = "SELECT settings IS NULL FROM users WHERE id = :id"
        assert db.execute(text(settings), {"id": alice.id}).scalar()
