"""API keys that act as users over REST."""

import secrets
import time
import uuid
from urllib.parse import quote

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import Connect, NewKey
from tests.people import Backend, Person, data, problem


def set_external_id(engine: Engine, person: Person, external_id: str) -> None:
    with engine.begin() as db:
        statement = text("UPDATE users SET external_id = :external_id WHERE id = :id")
        db.execute(statement, {"external_id": external_id, "id": person.id})


def status(person: Person, chat_id: str) -> str:
    return str(data(person.get(f"/messages/{chat_id}"))[0]["status"])


def test_calls_are_the_own_ones_of_the_user(backend: Backend, alice: Person, bob: Person, carol: Person) -> None:
    assert data(backend.get("/users/me", act_as=alice.id)) == data(alice.get("/users/me"))
    assert data(backend.get("/users/me", act_as=alice.id.upper()))["id"] == alice.id
    chat_id = data(backend.post("/chats/direct", {"userId": bob.id}, act_as=alice.id))["id"]
    body = {"chatId": chat_id, "content": "Hello", "clientId": str(uuid.uuid4())}
    sent = backend.post("/messages", body, act_as=alice.id)
    assert sent.status_code == 201
    assert data(sent)["senderId"] == alice.id
    # The same namespace of `clientId`, rights and visibility.
    assert alice.post("/messages", body).status_code == 200
    assert problem(backend.get(f"/messages/{chat_id}", act_as=carol.id)) == (404, "not_found")
    path = f"/messages/{data(sent)['id']}"
    assert problem(backend.patch(path, {"content": "x"}, act_as=bob.id)) == (403, "forbidden")
    assert data(backend.patch(path, {"content": "x"}, act_as=alice.id))["isEdited"]


@pytest.mark.parametrize("external_id", ["4711", "ä b%c,{}\"'", "a:b"])
def test_users_are_named_by_external_id(backend: Backend, alice: Person, engine: Engine, external_id: str) -> None:
    unique = f"{external_id.replace(' ', '')}-{secrets.token_hex(4)}"
    set_external_id(engine, alice, unique)
    assert data(backend.get("/users/me", act_as=f"ext:{quote(unique)}"))["id"] == alice.id
    assert problem(backend.get("/users/me", act_as=f"ext:{quote(unique)}x")) == (404, "not_found")


@pytest.mark.parametrize(
    "reference", [str(uuid.uuid5(uuid.NAMESPACE_URL, "x")), "ext:", "ext:a/b", "ext:%FF", "alice", "ext:%00", "x" * 500]
)
def test_unknown_users_are_not_found(backend: Backend, reference: str) -> None:
    assert problem(backend.get("/users/me", act_as=reference)) == (404, "not_found")


def test_the_system_and_erased_users_are_not_found(backend: Backend, alice: Person, engine: Engine) -> None:
    system = "00000000-0000-7000-8000-000000000001"
    assert problem(backend.get("/users/me", act_as=system)) == (404, "not_found")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET deleted_at = now(), is_active = false WHERE id = :id"), {"id": alice.id})
    assert problem(backend.get("/users/me", act_as=alice.id)) == (404, "not_found")


def test_inactive_users(backend: Backend, admin: Person, alice: Person) -> None:
    data(admin.patch(f"/admin/users/{alice.id}", {"isActive": False}))
    assert problem(backend.get("/users/me", act_as=alice.id)) == (409, "user_inactive")


def test_the_scope_act_is_required(new_key: NewKey, alice: Person) -> None:
    response = new_key("users", "admin").get("/users/me", act_as=alice.id)
    assert problem(response) == (403, "scope_missing")
    assert response.json()["errors"] == {"scope": ["act"]}


def test_other_roles_need_the_scope_admin(new_key: NewKey, admin: Person, engine: Engine, alice: Person) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'MODERATOR' WHERE id = :id"), {"id": alice.id})
    for person in (admin, alice):
        response = new_key("act", "users", "tokens").get("/users/me", act_as=person.id)
        assert problem(response) == (403, "scope_missing")
        assert response.json()["errors"] == {"scope": ["admin"]}
        assert new_key("act", "admin").get("/users/me", act_as=person.id).ok


def test_the_header_is_refused_with_access_tokens(alice: Person, bob: Person) -> None:
    for named in (alice.id, bob.id, "x"):
        assert problem(alice.request("GET", "/users/me", headers={"Act-As": named})) == (403, "act_as_forbidden")


def test_operations_of_sessions_and_administrators_can_not_be_acted(
    new_key: NewKey, admin: Person, alice: Person
) -> None:
    key = new_key("act", "admin", "keys", "users")
    bot = new_key("admin", acts_as=admin.id)
    calls = [
        key.post("/auth/logout", act_as=alice.id),
        key.get("/admin/users", act_as=admin.id),
        key.get("/admin/keys", act_as=admin.id),
        bot.post("/auth/logout"),
        bot.get("/admin/users"),
    ]
    assert [problem(call) for call in calls] == [(403, "act_as_forbidden")] * 5


def test_a_key_names_the_user(backend: Backend, new_key: NewKey, alice: Person, bob: Person) -> None:
    assert problem(backend.get("/users/me")) == (403, "act_as_forbidden")
    bot = new_key("act", acts_as=alice.id)
    assert data(bot.get("/users/me"))["id"] == alice.id
    for named in (alice.id, bob.id):
        assert problem(bot.get("/users/me", act_as=named)) == (403, "act_as_forbidden")


def test_a_key_of_an_administrator_needs_the_scope(new_key: NewKey, alice: Person, engine: Engine) -> None:
    bot = new_key(acts_as=alice.id)
    assert bot.get("/users/me").ok
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": alice.id})
    assert problem(bot.get("/users/me")) == (403, "scope_missing")


def test_nothing_is_delivered_and_the_user_stays_offline(
    backend: Backend, new_key: NewKey, alice: Person, bob: Person, connect: Connect
) -> None:
    chat_id = alice.direct_chat(bob)
    alice.send(chat_id, "Hello")
    socket = connect(alice, transports=["websocket"])
    bot = new_key(acts_as=bob.id)
    for fetched in (
        backend.get(f"/messages/{chat_id}", act_as=bob.id),
        backend.get(f"/messages/{chat_id}", act_as=bob.id, after=0),
        backend.post("/sync", {"chats": {}}, act_as=bob.id),
        backend.get("/chats", act_as=bob.id),
        bot.get(f"/messages/{chat_id}"),
        bot.post("/sync", {"chats": {}}),
    ):
        assert fetched.ok
        assert status(alice, chat_id) == "SENT"
    assert not data(alice.get(f"/users/{bob.name}"))["isOnline"]
    # What the user reads is read.
    read = backend.post(
        f"/messages/{chat_id}/read", {"messageIds": [data(alice.get(f"/messages/{chat_id}"))[0]["id"]]}, act_as=bob.id
    )
    assert read.ok, read.text
    assert status(alice, chat_id) == "READ"
    assert socket.wait_for("messages:read")["userId"] == bob.id


def test_files(backend: Backend, alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    options = {"data": {"chatId": chat_id}, "files": {"file": ("a.pdf", b"%PDF-1.7\n%%EOF\n")}}
    message = data(backend.request("POST", "/messages/upload", act_as=alice.id, **options))
    assert message["senderId"] == alice.id
    url = f"{backend.url}{message['fileUrl'].partition('?')[0]}"
    headers = {"Authorization": f"Bearer {backend.key}"}
    assert requests.get(url, headers=headers | {"Act-As": bob.id}, timeout=20).ok
    assert problem(requests.get(url, headers=headers, timeout=20)) == (403, "act_as_forbidden")


def test_a_slow_body_is_authenticated_again(backend: Backend, alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)

    def slow() -> object:
        yield b'{"chatId": "%s", ' % chat_id.encode()
        time.sleep(0.7)
        yield b'"content": "Hello"}'

    options = {"data": slow(), "headers": {"Content-Type": "application/json"}}
    assert backend.request("POST", "/messages", act_as=alice.id, **options).status_code == 201
