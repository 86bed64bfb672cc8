"""Sockets that API keys open as users."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.conftest import NewKey, insert_key
from tests.people import Backend, Person, data, register
from tests.server import UNREACHED_LIMITS, Server
from tests.socket_clients import ConnectError, PyClient
from tests.waiting import eventually

Open = Callable[..., PyClient]


@pytest.fixture
def open_socket() -> Iterator[Open]:
    """Opens sockets with API keys; they are closed with the test."""
    opened = []

    def connect(backend: Backend, act_as: object = None, **options: Any) -> PyClient:
        client = PyClient.connect(backend.url, backend.key, act_as=act_as, **({"transports": ["websocket"]} | options))
        opened.append(client)
        return client

    yield connect
    for client in opened:
        client.disconnect()


def refused(connect: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ConnectError) as error:
        connect()
    return error.value.data["status"], error.value.data["code"]


@pytest.mark.parametrize("transports", [["polling"], ["websocket"]])
def test_a_socket_acts_as_the_user(
    new_key: NewKey, alice: Person, bob: Person, open_socket: Open, transports: list[str]
) -> None:
    chat_id = alice.direct_chat(bob)
    acting = open_socket(new_key("act"), alice.id, transports=transports)
    ack = acting.call("message:send", {"chatId": chat_id, "content": "Hello"})
    assert ack["data"]["senderId"] == alice.id
    assert acting.wait_for("message:new")["id"] == ack["data"]["id"]
    assert acting.call("sync", {"chats": {}})["data"]["chats"]
    message = bob.send(chat_id, "Hi")
    acting.wait_for("message:new", lambda sent: sent["id"] == message["id"])
    # Nothing is delivered, and the user is offline.
    time.sleep(0.5)
    assert data(bob.get(f"/messages/{chat_id}"))[0]["status"] == "SENT"
    assert not data(bob.get(f"/users/{alice.name}"))["isOnline"]
    # Receipts that it sends count.
    acting.call("messages:read", {"chatId": chat_id, "messageIds": [message["id"]]})
    assert data(bob.get(f"/messages/{chat_id}"))[0]["status"] == "READ"


def test_presence_of_the_user_is_the_one_of_their_own_sockets(
    new_key: NewKey, alice: Person, bob: Person, open_socket: Open
) -> None:
    alice.direct_chat(bob)

    def is_online() -> bool:
        return bool(data(bob.get(f"/users/{alice.name}"))["isOnline"])

    acting = open_socket(new_key("act"), alice.id)
    own = PyClient.connect(alice.url, alice.token)
    eventually(is_online, 10)
    own.disconnect()
    eventually(lambda: not is_online(), 10)
    assert acting.connected


def test_a_bot_is_online_while_connected_and_sends_no_receipts(
    new_key: NewKey, alice: Person, bob: Person, open_socket: Open
) -> None:
    chat_id = alice.direct_chat(bob)
    bot = open_socket(new_key(acts_as=bob.id))
    eventually(lambda: bool(data(alice.get(f"/users/{bob.name}"))["isOnline"]), 10)
    message = alice.send(chat_id, "Hello")
    bot.wait_for("message:new", lambda sent: sent["id"] == message["id"])
    time.sleep(0.5)
    assert data(alice.get(f"/messages/{chat_id}"))[0]["status"] == "SENT"
    bot.disconnect()
    eventually(lambda: not data(alice.get(f"/users/{bob.name}"))["isOnline"], 10)


def test_refused_handshakes(
    server: Server, new_key: NewKey, alice: Person, bob: Person, admin: Person, engine: Engine, open_socket: Open
) -> None:
    key = new_key("act")
    assert refused(lambda: open_socket(key)) == (403, "act_as_forbidden")
    unknown: Any
    for unknown in ("00000000-0000-7000-8000-000000000009", "ext:unknown", "alice", 7, {}, ""):
        assert refused(lambda unknown=unknown: open_socket(key, unknown)) == (404, "not_found")  # type: ignore[misc]
    assert refused(lambda: open_socket(new_key("users"), alice.id)) == (403, "scope_missing")
    assert refused(lambda: open_socket(key, admin.id)) == (403, "scope_missing")
    assert refused(lambda: open_socket(new_key(acts_as=alice.id), alice.id)) == (403, "act_as_forbidden")
    assert refused(lambda: open_socket(Backend(server.url, alice.token), alice.id)) == (403, "act_as_forbidden")
    wrong = Backend(server.url, key.key[:-3] + "AAA")
    assert refused(lambda: open_socket(wrong, alice.id)) == (401, "key_invalid")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": bob.id})
        db.execute(text("UPDATE users SET external_id = 'ä%20b' WHERE id = :id"), {"id": alice.id})
    assert refused(lambda: open_socket(key, bob.id)) == (409, "user_inactive")
    # In JSON nothing is percent-encoded.
    assert open_socket(key, "ext:ä%20b").connected


@pytest.mark.parametrize("transports", [["polling"], ["websocket"]])
def test_keys_in_browsers_are_refused_and_logged(
    server: Server, new_key: NewKey, alice: Person, open_socket: Open, transports: list[str]
) -> None:
    key = new_key("act")
    page = {"Origin": "https://app.example.com"}
    assert refused(lambda: open_socket(key, alice.id, transports=transports, headers=page)) == (403, "key_in_browser")
    lines = [line for line in server.log.splitlines() if '"key_in_browser"' in line]
    assert sum(key.id in line for line in lines) == 1
    assert key.key not in server.log


def test_renewal_is_for_access_tokens(new_key: NewKey, alice: Person, open_socket: Open) -> None:
    key, bot = new_key("act"), new_key(acts_as=alice.id)
    acting = open_socket(key, alice.id)
    for token in (key.key, alice.token):
        assert acting.call("auth:renew", {"token": token})["error"]["code"] == "act_as_forbidden"
    own = PyClient.connect(alice.url, alice.token)
    assert own.call("auth:renew", {"token": bot.key})["error"]["code"] == "act_as_forbidden"
    own.disconnect()


def test_sockets_close_when_the_key_loses_what_they_need(
    admin: Person, alice: Person, bob: Person, open_socket: Open, engine: Engine
) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'MODERATOR' WHERE id = :id"), {"id": bob.id})
    body = {"name": "acting", "scopes": ["act", "admin", "users"]}
    key = data(admin.post("/admin/keys", body))
    path = f"/admin/keys/{key['id']}"
    backend = Backend(admin.url, key["secret"])
    as_alice, as_bob = open_socket(backend, alice.id), open_socket(backend, bob.id)
    data(admin.patch(path, {"scopes": ["act", "admin"]}))
    data(admin.patch(path, {"scopes": ["act"]}))
    assert as_bob.wait_disconnect(timeout=3) == "io server disconnect"
    assert as_alice.call("sync", {"chats": {}})["ok"]
    data(admin.patch(path, {"scopes": ["users"]}))
    assert as_alice.wait_disconnect(timeout=3) == "io server disconnect"


def test_sockets_close_when_the_key_is_revoked_or_expires(admin: Person, alice: Person, open_socket: Open) -> None:
    key = data(admin.post("/admin/keys", {"name": "acting", "scopes": ["act"]}))
    path = f"/admin/keys/{key['id']}"
    backend = Backend(admin.url, key["secret"])
    first = open_socket(backend, alice.id)
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    data(admin.patch(path, {"expiresAt": soon}))
    assert first.call("sync", {"chats": {}})["ok"]
    assert first.wait_disconnect(timeout=10) == "io server disconnect"
    assert refused(lambda: open_socket(backend, alice.id)) == (401, "key_expired")
    data(admin.patch(path, {"expiresAt": None}))
    sockets = [open_socket(backend, alice.id) for _ in range(3)]
    assert admin.delete(path).status_code == 204
    for socket in sockets:
        assert socket.wait_disconnect(timeout=3) == "io server disconnect"


def test_sockets_close_with_the_secret_that_opened_them(admin: Person, alice: Person, open_socket: Open) -> None:
    first = data(admin.post("/admin/keys", {"name": "acting", "scopes": ["act"]}))
    path = f"/admin/keys/{first['id']}"
    old = open_socket(Backend(admin.url, first["secret"]), alice.id)
    second = data(admin.post(f"{path}/rotate", {"overlap": "1h"}))
    assert old.call("sync", {"chats": {}})["ok"]
    new = open_socket(Backend(admin.url, second["secret"]), alice.id)
    data(admin.post(f"{path}/rotate", {"overlap": "1h"}))
    assert old.wait_disconnect(timeout=3) == "io server disconnect"
    assert new.call("sync", {"chats": {}})["ok"]
    assert admin.delete(path).status_code == 204
    assert new.wait_disconnect(timeout=3) == "io server disconnect"


def test_sockets_close_with_the_account(
    admin: Person, alice: Person, bob: Person, new_key: NewKey, open_socket: Open
) -> None:
    acting = open_socket(new_key("act"), alice.id)
    bot = open_socket(new_key(acts_as=alice.id))
    demoted = open_socket(new_key("act"), bob.id)
    data(admin.patch(f"/admin/users/{alice.id}", {"isActive": False}))
    for socket in (acting, bot):
        assert socket.wait_disconnect(timeout=3) == "io server disconnect"
    # A user with another role needs the scope `admin`.
    data(admin.patch(f"/admin/users/{bob.id}", {"role": "MODERATOR"}))
    assert demoted.wait_disconnect(timeout=3) == "io server disconnect"


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with low limits for keys, and higher ones for users."""
    limits = {"MAX_SOCKETS_PER_KEY": "2", "RATELIMIT_SERVER": "20/10m", "MAX_SOCKETS_PER_USER": "1"}
    with Server(database_url, tmp_path_factory.mktemp("limited"), **(UNREACHED_LIMITS | limits)) as server:
        yield server
    assert not server.errors_in_log()


def test_a_key_has_limits_of_its_own(limited: Server, engine: Engine, open_socket: Open) -> None:
    key, other = (insert_key(engine, limited.url, ["act"]) for _ in range(2))
    people = [register(limited.url) for _ in range(2)]
    # Not the limit of the user.
    sockets = [open_socket(key, people[0].id) for _ in range(2)]
    for person in people:
        assert refused(lambda person=person: open_socket(key, person.id)) == (429, "rate_limited")  # type: ignore[misc]
    assert open_socket(other, people[0].id).connected
    sockets[0].disconnect()

    def has_room() -> bool:
        try:
            return open_socket(key, people[1].id).connected
        except ConnectError:
            time.sleep(0.2)
            return False

    eventually(has_room, 10)
    # Connections and events count with requests.
    response = other.get("/users/me", act_as=people[0].id)
    assert (response.headers["RateLimit-Limit"], response.headers["RateLimit-Remaining"]) == ("20", "18")
    acting = open_socket(other, people[0].id)
    acks = [acting.call("sync", {"chats": {}}) for _ in range(20)]
    assert [ack["ok"] for ack in acks] == [True] * 17 + [False] * 3
    assert acks[-1]["error"]["code"] == "rate_limited"
    assert other.get("/users/me", act_as=people[0].id).status_code == 429
