"""API keys: their endpoints, scopes, rotation, expiry and revocation."""

import base64
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from chatapp.core import api_keys
from chatapp.core.ids import new_id
from tests.conftest import NewKey, insert_key
from tests.people import Backend, Person, data, problem, secret_part
from tests.server import Server


def create(admin: Person | Backend, **fields: Any) -> dict[str, Any]:
    return data(admin.post("/admin/keys", {"name": "backend", "scopes": ["keys"]} | fields))  # type: ignore[no-any-return]


def later(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_key(server: Server, key: dict[str, Any]) -> Backend:
    return Backend(server.url, key["secret"], key["id"])


def listed(backend: Backend | Person) -> list[dict[str, Any]]:
    return data(backend.get("/admin/keys", limit=100))  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def no_other_keys(engine: Engine) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE api_keys SET revoked_at = now() - interval '1 year' WHERE name = 'backend'"))


def test_created_key_has_the_format_and_works_at_once(server: Server, admin: Person) -> None:
    response = admin.post("/admin/keys", {"name": " backend ", "scopes": ["keys", "users", "keys"]})
    assert response.status_code == 201
    key = data(response)
    assert set(key) == {"id", "name", "scopes", "createdAt", "createdBy", "secret"}
    assert (key["name"], key["scopes"], key["createdBy"]) == ("backend", ["keys", "users"], admin.id)
    prefix, id, secret = key["secret"][:4], key["secret"][4:26], key["secret"][27:]
    assert (prefix, key["secret"][26], len(secret)) == ("csk_", "_", 43)
    assert str(uuid.UUID(bytes=base64.urlsafe_b64decode(f"{id}=="))) == key["id"]
    shown = next(each for each in listed(with_key(server, key)) if each["id"] == key["id"])
    assert "secret" not in shown
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(shown["lastUsedAt"]) in (hour, hour - timedelta(hours=1))


def test_the_database_has_only_the_hash(admin: Person, engine: Engine) -> None:
    key = create(admin)
    secret = secret_part(key["secret"])
    with engine.connect() as db:
        row = db.execute(text("SELECT k::text FROM api_keys k WHERE id = :id"), {"id": key["id"]}).scalar_one()
        entries = db.execute(text("SELECT a::text FROM audit_log a WHERE target_id = :id"), {"id": key["id"]}).scalars()
        assert secret not in row
        assert all(secret not in entry for entry in entries)


def test_wrong_keys_are_refused_alike(server: Server, admin: Person) -> None:
    key = create(admin)["secret"]
    flipped = "A" if key[-2] != "A" else "B"
    last = "AQgw"["AQgw".index(key[25]) - 1] if key[25] in "AQgw" else "A"
    wrong = [
        key[:-2] + flipped + key[-1],
        key[:4] + "A" * 22 + key[26:],
        key[:-1],
        f"{key}x",
        "csk_",
        "csk_x_y",
        # Another spelling of the same id.
        key[:25] + chr(ord(key[25]) + 1) + key[26:] if key[25] in "AQgw" else key[:25] + last + key[26:],
    ]
    for each in wrong:
        backend = Backend(server.url, each)
        assert problem(backend.get("/admin/keys")) == (401, "key_invalid"), each
        assert problem(backend.get("/users/me")) == (401, "key_invalid"), each
    response = Backend(server.url, wrong[0]).get("/admin/keys")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert wrong[0] not in response.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", None),
        ("scopes", ["all"]),
        ("scopes", ["tokens:revoke"]),
        ("scopes", "users"),
        ("scopes", None),
        ("expiresAt", "tomorrow"),
        ("expiresAt", "2020-01-01T00:00:00Z"),
        ("expiresAt", "2099-01-01T00:00:00"),
        ("actsAs", "x"),
        ("role", "ADMIN"),
        ("id", "00000000-0000-7000-8000-000000000009"),
    ],
)
def test_invalid_fields(admin: Person, field: str, value: object) -> None:
    response = admin.post("/admin/keys", {"name": "backend", "scopes": []} | {field: value})
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == [field]


def test_name_and_scopes_are_required(admin: Person) -> None:
    assert set(admin.post("/admin/keys", {}).json()["errors"]) == {"name", "scopes"}


def test_expired_keys_are_refused_and_can_be_extended(server: Server, admin: Person) -> None:
    key = create(admin, expiresAt=later(hours=1))
    backend = with_key(server, key)
    assert backend.get("/admin/keys").ok
    path = f"/admin/keys/{key['id']}"
    data(admin.patch(path, {"expiresAt": "2026-01-01T00:00:00+02:00"}))
    assert problem(backend.get("/admin/keys")) == (401, "key_expired")
    # Without its secret a key is as unknown as any other.
    assert problem(Backend(server.url, f"{key['secret'][:-5]}AAAAA").get("/admin/keys")) == (401, "key_invalid")
    assert "expiresAt" not in data(admin.patch(path, {"expiresAt": None}))
    assert backend.get("/admin/keys").ok


def test_scopes_decide_what_a_key_may_do(new_key: NewKey, alice: Person) -> None:
    response = new_key("users", "tokens", "chats", "messages", "act", "admin", "audit:read").get("/admin/keys")
    assert problem(response) == (403, "scope_missing")
    assert response.json()["errors"] == {"scope": ["keys"]}
    assert new_key("keys").get("/admin/keys").ok
    assert problem(alice.get("/admin/keys")) == (403, "forbidden")
    # A key is no user.
    assert problem(new_key("keys", "act").get("/users/me")) == (403, "act_as_forbidden")
    assert problem(new_key("keys", "admin").get("/admin/users")) == (403, "act_as_forbidden")


def test_keys_do_not_manage_keys_with_more_scopes(server: Server, admin: Person, new_key: NewKey) -> None:
    manager = new_key("keys", "users")
    response = manager.post("/admin/keys", {"name": "backend", "scopes": ["users:read", "tokens", "act"]})
    assert problem(response) == (403, "scope_missing")
    assert response.json()["errors"] == {"scope": ["act", "tokens"]}
    key = create(manager, scopes=["users:read"])
    assert key["createdBy"] == manager.id
    path = f"/admin/keys/{key['id']}"
    assert problem(manager.patch(path, {"scopes": ["messages"]})) == (403, "scope_missing")
    assert data(manager.patch(path, {"scopes": ["users"], "name": "other"}))["scopes"] == ["users"]
    data(admin.patch(path, {"scopes": ["users", "tokens"]}))
    for response in (
        manager.patch(path, {"name": "backend"}),
        manager.patch(path, {"scopes": []}),
        manager.post(f"{path}/rotate", {}),
        manager.delete(path),
    ):
        assert problem(response) == (403, "scope_missing")
    data(admin.patch(path, {"scopes": []}))
    assert manager.delete(path).status_code == 204


def test_keys_manage_keys_of_bots_only_if_they_can_act(new_key: NewKey, admin: Person, alice: Person) -> None:
    body = {"name": "backend", "scopes": [], "actsAs": alice.id}
    response = new_key("keys").post("/admin/keys", body)
    assert problem(response) == (403, "scope_missing")
    assert response.json()["errors"] == {"scope": ["act"]}
    key = data(new_key("keys", "act").post("/admin/keys", body))
    assert problem(new_key("keys").post(f"/admin/keys/{key['id']}/rotate")) == (403, "scope_missing")
    assert admin.delete(f"/admin/keys/{key['id']}").status_code == 204


def test_a_slow_body_is_authorised_again(admin: Person, new_key: NewKey) -> None:
    backend, manager = new_key("keys"), new_key("keys")

    def slow() -> Iterator[bytes]:
        yield b'{"name": "late", '
        time.sleep(0.3)
        assert manager.delete(f"/admin/keys/{backend.id}").status_code == 204
        time.sleep(0.5)
        yield b'"scopes": []}'

    headers = {"Content-Type": "application/json"}
    response = backend.request("POST", "/admin/keys", data=slow(), headers=headers)
    assert problem(response) == (401, "key_invalid")


def test_reduced_scopes_are_in_force_at_once(server: Server, admin: Person) -> None:
    key = create(admin, scopes=["keys", "users"])
    backend = with_key(server, key)
    assert backend.get("/admin/keys").ok
    shown = data(admin.patch(f"/admin/keys/{key['id']}", {"scopes": []}))
    assert "scopes" not in shown
    assert problem(backend.get("/admin/keys")) == (403, "scope_missing")


def test_rotation_keeps_the_old_secret_for_the_overlap(server: Server, admin: Person) -> None:
    first = create(admin)
    path = f"/admin/keys/{first['id']}/rotate"
    # The key rotates itself.
    second = data(with_key(server, first).post(path))
    assert second["secret"] != first["secret"]
    assert second["id"] == first["id"]
    overlap = datetime.fromisoformat(second["previousValidUntil"]) - datetime.fromisoformat(second["rotatedAt"])
    assert overlap == timedelta(hours=24)
    assert with_key(server, first).get("/admin/keys").ok
    third = data(with_key(server, second).post(path, {"overlap": "1m"}))
    assert problem(with_key(server, first).get("/admin/keys")) == (401, "key_invalid")
    assert with_key(server, second).get("/admin/keys").ok
    assert with_key(server, third).get("/admin/keys").ok
    fourth = data(with_key(server, third).post(path, {"overlap": "0s"}))
    assert "previousValidUntil" not in fourth
    for old in (first, second, third):
        assert problem(with_key(server, old).get("/admin/keys")) == (401, "key_invalid")
    assert with_key(server, fourth).get("/admin/keys").ok


def test_the_old_secret_ends_with_the_overlap(server: Server, admin: Person, engine: Engine) -> None:
    first = create(admin)
    second = data(admin.post(f"/admin/keys/{first['id']}/rotate", {"overlap": "7d"}))
    with engine.begin() as db:
        statement = text("UPDATE api_keys SET previous_until = now() - interval '1 s' WHERE id = :id")
        db.execute(statement, {"id": first["id"]})
    assert problem(with_key(server, first).get("/admin/keys")) == (401, "key_invalid")
    assert with_key(server, second).get("/admin/keys").ok


@pytest.mark.parametrize("overlap", ["8d", "169h", "-1s", "1w", "", "1.5h", 60, None, "24"])
def test_invalid_overlap(admin: Person, overlap: object) -> None:
    path = f"/admin/keys/{create(admin)['id']}/rotate"
    response = admin.post(path, {"overlap": overlap})
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == ["overlap"]


def test_revoked_keys_are_refused_at_once_and_stay_listed(server: Server, admin: Person, engine: Engine) -> None:
    key = create(admin)
    rotated = data(admin.post(f"/admin/keys/{key['id']}/rotate"))
    assert with_key(server, key).get("/admin/keys").ok
    path = f"/admin/keys/{key['id']}"
    assert admin.delete(path).status_code == 204
    for secret in (key, rotated):
        assert problem(with_key(server, secret).get("/admin/keys")) == (401, "key_invalid")
    assert admin.delete(path).status_code == 204
    assert problem(admin.patch(path, {"name": "x"})) == (409, "conflict")
    assert problem(admin.post(f"{path}/rotate")) == (409, "conflict")
    shown = next(each for each in listed(admin) if each["id"] == key["id"])
    assert shown["revokedAt"].endswith("Z")
    assert "previousValidUntil" not in shown
    with engine.begin() as db:
        statement = text("UPDATE api_keys SET revoked_at = now() - interval '91 days' WHERE id = :id")
        db.execute(statement, {"id": key["id"]})
    assert all(each["id"] != key["id"] for each in listed(admin))
    assert problem(admin.patch(path, {"name": "x"})) == (404, "not_found")


def test_unknown_keys_are_not_found(admin: Person) -> None:
    path = f"/admin/keys/{uuid.uuid4()}"
    for response in (admin.patch(path, {}), admin.post(f"{path}/rotate"), admin.delete(path)):
        assert problem(response) == (404, "not_found")


def test_keys_are_listed_newest_first_by_page(admin: Person) -> None:
    ids = [create(admin)["id"] for _ in range(3)]
    first = admin.get("/admin/keys", limit=2).json()
    assert [key["id"] for key in first["data"]] == [ids[2], ids[1]]
    second = admin.get("/admin/keys", limit=1, cursor=first["meta"]["nextCursor"]).json()
    assert [key["id"] for key in second["data"]] == [ids[0]]
    assert problem(admin.get("/admin/keys", cursor="WyJ4Il0")) == (400, "cursor_invalid")
    assert problem(admin.get("/admin/keys", limit=0)) == (422, "validation_error")


def test_there_can_be_a_hundred_keys(admin: Person, engine: Engine) -> None:
    key = create(admin)
    with engine.begin() as db:
        fill = """
            INSERT INTO api_keys (id, name, hash, scopes)
            SELECT gen_random_uuid(), 'backend', '', '{}'
            FROM generate_series(1, 100 - (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL))
        """
        db.execute(text(fill))
    body = {"name": "backend", "scopes": []}
    assert problem(admin.post("/admin/keys", body)) == (409, "limit_reached")
    # An expired key makes room, and takes it again when it is extended.
    path = f"/admin/keys/{key['id']}"
    data(admin.patch(path, {"expiresAt": "2026-01-01T00:00:00Z"}))
    other = create(admin)
    assert problem(admin.patch(path, {"expiresAt": None})) == (409, "limit_reached")
    assert admin.delete(f"/admin/keys/{other['id']}").status_code == 204
    data(admin.patch(path, {"expiresAt": None}))


def test_changes_are_audited_without_secrets(admin: Person, engine: Engine) -> None:
    key = create(admin, scopes=["users"])
    path = f"/admin/keys/{key['id']}"
    data(admin.patch(path, {"name": "renamed", "scopes": []}))
    data(admin.post(f"{path}/rotate", {"overlap": "1h"}))
    admin.delete(path)
    admin.delete(path)
    with engine.connect() as db:
        query = """
            SELECT action, actor_type, actor_id::text, actor_name, target_type, address, details
            FROM audit_log WHERE target_id = :id ORDER BY id
        """
        entries = [tuple(row) for row in db.execute(text(query), {"id": key["id"]})]
    assert [entry[0] for entry in entries] == ["key.created", "key.updated", "key.rotated", "key.revoked"]
    assert {entry[1:6] for entry in entries} == {("user", admin.id, admin.name, "key", "127.0.0.1")}
    assert entries[1][6] == {"fields": ["name", "scopes"], "scopes": []}


def test_keys_that_act_as_a_user(server: Server, admin: Person, alice: Person, new_key: NewKey) -> None:
    key = create(admin, scopes=[], actsAs=alice.id)
    assert key["actsAs"] == alice.id
    assert data(with_key(server, key).get("/users/me"))["id"] == alice.id
    assert problem(admin.post("/admin/keys", {"name": "x", "scopes": [], "actsAs": str(uuid.uuid4())})) == (
        404,
        "not_found",
    )
    response = admin.post("/admin/keys", {"name": "x", "scopes": [], "actsAs": admin.id})
    assert problem(response) == (403, "scope_missing")
    assert response.json()["errors"] == {"scope": ["admin"]}
    assert create(admin, scopes=["admin"], actsAs=admin.id)["actsAs"] == admin.id
    data(admin.patch(f"/admin/users/{alice.id}", {"isActive": False}))
    assert problem(admin.post("/admin/keys", {"name": "x", "scopes": [], "actsAs": alice.id})) == (409, "user_inactive")
    assert problem(with_key(server, key).get("/users/me")) == (401, "key_invalid")


def test_keys_in_urls_are_refused_and_logged(server: Server, new_key: NewKey) -> None:
    backend = new_key("keys")
    encoded = backend.key.replace("_", "%5F").replace("csk", "%63sk")
    for query in (f"key={backend.key}", f"a=b&x={encoded}", backend.key):
        for path in ("/api/v1/admin/keys", "/docs", "/socket.io/?EIO=4&transport=polling"):
            url = f"{server.url}{path}{'&' if '?' in path else '?'}{query}"
            assert problem(requests.get(url, timeout=20)) == (401, "key_invalid")
    lines = [line for line in server.log.splitlines() if '"key_in_url"' in line]
    assert sum(backend.id in line for line in lines) == 9
    assert backend.key not in server.log


@pytest.mark.parametrize("origin", ["https://app.example.com", "null"])
def test_keys_from_browsers_are_refused_and_logged(server: Server, new_key: NewKey, origin: str) -> None:
    backend = new_key("keys")
    response = backend.request("GET", "/admin/keys", headers={"Origin": origin})
    assert problem(response) == (403, "key_in_browser")
    lines = [line for line in server.log.splitlines() if '"key_in_browser"' in line]
    assert sum(backend.id in line for line in lines) == 1
    # With or without the key in a valid state.
    response = Backend(server.url, backend.key[:-3] + "AAA").request("GET", "/x", headers={"Origin": origin})
    assert problem(response) == (403, "key_in_browser")
    assert backend.key not in server.log


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Backend]]:
    """A server with low limits, behind a proxy that forwards addresses; its key of the environment."""
    key = api_keys.assemble(new_id(), api_keys.new_secret())
    changes = {"RATELIMIT_ENABLED": "true", "RATELIMIT_GLOBAL": "3/60s", "RATELIMIT_ADDRESS": "3/60s"}
    changes |= {"RATELIMIT_SERVER": "10/60s", "RATELIMIT_WRONG_KEYS": "4/60s", "TRUSTED_PROXIES": "1"}
    changes |= {"MAX_UNAUTHENTICATED": "1", "SERVER_API_KEY": key}
    with Server(database_url, tmp_path_factory.mktemp("limited"), **changes) as server:
        yield server, Backend(server.url, key)
    assert not server.errors_in_log()


def test_a_key_has_a_request_limit_of_its_own(limited: tuple[Server, Backend], engine: Engine) -> None:
    backend = insert_key(engine, limited[0].url, ["keys"])
    responses = [backend.get("/admin/keys") for _ in range(11)]
    assert [response.status_code for response in responses] == [200] * 10 + [429]
    assert [response.headers["RateLimit-Remaining"] for response in responses] == [
        *(str(left) for left in reversed(range(10))),
        "0",
    ]
    assert {response.headers["RateLimit-Limit"] for response in responses} == {"10"}
    assert int(responses[-1].headers["Retry-After"]) > 0


def test_wrong_keys_are_limited_per_address(limited: tuple[Server, Backend]) -> None:
    server, backend = limited

    def wrong(number: int, address: str) -> requests.Response:
        key = api_keys.assemble(str(uuid.uuid4()), api_keys.new_secret()) if number % 2 else backend.key[:-2] + "AA"
        headers = {"X-Forwarded-For": address}
        return Backend(server.url, key).request("GET", "/admin/keys", headers=headers)

    statuses = [wrong(number, "192.0.2.1").status_code for number in range(6)]
    assert statuses == [401] * 4 + [429] * 2
    response = wrong(7, "192.0.2.1")
    assert problem(response) == (429, "rate_limited")
    assert response.headers["RateLimit-Limit"] == "4"
    # Other addresses, and valid keys of this one, are not affected.
    assert problem(wrong(0, "192.0.2.2")) == (401, "key_invalid")
    assert backend.request("GET", "/admin/keys", headers={"X-Forwarded-For": "192.0.2.1"}).ok


def test_the_key_of_the_environment_has_all_scopes(limited: tuple[Server, Backend], engine: Engine) -> None:
    _, backend = limited
    keys = listed(backend)
    id = api_keys.find(backend.key)
    assert all(key["id"] != id for key in keys)
    assert problem(backend.delete(f"/admin/keys/{id}")) == (404, "not_found")
    key = create(backend, scopes=["users", "tokens", "admin"])
    assert key["createdBy"] == id
    with engine.connect() as db:
        query = text("SELECT actor_type, actor_name FROM audit_log WHERE target_id = :id")
        assert tuple(db.execute(query, {"id": key["id"]}).one()) == ("key", "SERVER_API_KEY")


def test_keys_are_redacted_in_errors(admin: Person, new_key: NewKey) -> None:
    key = new_key("keys").key
    response = admin.post("/admin/keys", {"name": "x", "scopes": [], key: 1})
    assert problem(response) == (422, "validation_error")
    assert key not in response.text
    assert key[:26] in response.text
