"""Tokens that servers issue for users."""

import secrets
from typing import Any

import jwt
import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import Connect, NewKey, NewPerson
from tests.people import Backend, Person, data, problem

UNKNOWN_ID = "00000000-0000-0000-0000-00000000dead"


def as_person(backend: Backend, tokens: dict[str, Any]) -> Person:
    return Person(backend.url, tokens)


def refresh(person: Person) -> requests.Response:
    headers = {"User-Agent": "the device"}
    body = {"refreshToken": person.refresh_token}
    return requests.post(f"{person.url}/api/v1/auth/refresh", json=body, headers=headers, timeout=20)


def current(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in data(person.get("/auth/sessions")) if each.get("isCurrent"))
    return found


def change(engine: Engine, person: Person, changes: str) -> None:
    with engine.begin() as db:
        db.execute(text(f"UPDATE users SET {changes} WHERE id = :id"), {"id": person.id})


def test_tokens_of_a_user_work_as_after_a_login(new_key: NewKey, alice: Person, connect: Connect) -> None:
    backend = new_key("tokens")
    device = {"id": "phone-1", "name": "Alice's phone"}
    response = backend.post("/server/tokens", {"userId": alice.id, "device": device})
    assert response.status_code == 201
    tokens = data(response)
    assert set(tokens) == {"user", "accessToken", "refreshToken", "expiresIn"}
    assert tokens["user"] == data(alice.get("/users/me"))
    person = as_person(backend, tokens)
    session = current(person)
    assert (session["kind"], session["device"]) == ("server", device)
    # The client of the session is the device, not the server.
    assert not {"userAgent", "address"} & set(session)
    person.refresh_token = data(refresh(person))["refreshToken"]
    assert (current(person)["userAgent"], current(person)["address"]) == ("the device", "127.0.0.1")
    connect(person).disconnect()
    assert len(data(alice.get("/auth/sessions"))) == 2


def test_users_are_created_and_changed_with_their_tokens(new_key: NewKey, engine: Engine) -> None:
    backend = new_key("tokens", "users")
    external_id = secrets.token_hex(8)
    user = {"externalId": external_id, "displayName": "Mallory"}
    created = data(backend.post("/server/tokens", {"user": user}))["user"]
    assert (created["externalId"], created["displayName"], created["email"]) == (external_id, "Mallory", None)
    changed = data(backend.post("/server/tokens", {"user": user | {"displayName": "Mal"}}))["user"]
    assert (changed["id"], changed["displayName"]) == (created["id"], "Mal")
    by_reference = data(backend.post("/server/tokens", {"userId": f"ext:{external_id}"}))["user"]
    assert by_reference == changed
    with engine.connect() as db:
        actions = "SELECT action FROM audit_log WHERE target_id = :id AND actor_id = :key ORDER BY id"
        found = db.scalars(text(actions), {"id": created["id"], "key": backend.id}).all()
    issued = "user.tokens_issued"
    assert found == ["user.created", issued, "user.updated", issued, issued]


def test_a_device_has_one_session(new_key: NewKey, alice: Person, bob: Person, connect: Connect) -> None:
    backend = new_key("tokens")
    device = {"id": secrets.token_hex(8)}
    first, other = (
        as_person(backend, data(backend.post("/server/tokens", {"userId": each.id, "device": device})))
        for each in (alice, bob)
    )
    socket = connect(first)
    second = as_person(backend, data(backend.post("/server/tokens", {"userId": alice.id, "device": device})))
    assert problem(first.get("/users/me")) == (401, "token_invalid")
    assert problem(refresh(first))[0] == 401
    assert socket.wait_disconnect() == "io server disconnect"
    # Devices of other users, and sessions without one, continue.
    assert all(each.get("/users/me").ok for each in (second, other, alice))


def test_a_session_without_refresh_token_ends_with_its_access_token(
    new_key: NewKey, alice: Person, engine: Engine
) -> None:
    backend = new_key("tokens")
    body = {"userId": alice.id, "refresh": False}
    lifetimes = []
    for lifetime in ({}, {"lifetime": "1m"}, {"lifetime": "24h"}):
        tokens = data(backend.post("/server/tokens", body | lifetime))
        assert tokens["refreshToken"] is None
        claims = jwt.decode(tokens["accessToken"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == tokens["expiresIn"]
        lifetimes.append(tokens["expiresIn"])
    assert lifetimes == [900, 60, 86400]
    person = as_person(backend, tokens)
    id = current(person)["id"]
    with engine.begin() as db:
        db.execute(text("UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = :id"), {"id": id})
    assert id not in [each["id"] for each in data(alice.get("/auth/sessions"))]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"userId": "x"},
        {"userId": None},
        {"userId": "ext:.."},
        {"user": {"displayName": "x"}},
        {"user": {"externalId": "a/b"}},
        {"user": {"externalId": "a", "isActive": True}},
        {"user": {"externalId": "a"}, "userId": UNKNOWN_ID},
        {"userId": UNKNOWN_ID, "lifetime": "1h"},
        {"userId": UNKNOWN_ID, "lifetime": "1h", "refresh": True},
        {"userId": UNKNOWN_ID, "lifetime": "59s", "refresh": False},
        {"userId": UNKNOWN_ID, "lifetime": "25h", "refresh": False},
        {"userId": UNKNOWN_ID, "lifetime": 60, "refresh": False},
        {"userId": UNKNOWN_ID, "refresh": "false"},
        {"userId": UNKNOWN_ID, "device": "phone"},
        {"userId": UNKNOWN_ID, "device": {"id": ""}},
        {"userId": UNKNOWN_ID, "device": {"id": "x" * 65}},
        {"userId": UNKNOWN_ID, "device": {"kind": "phone"}},
        {"userId": UNKNOWN_ID, "role": "ADMIN"},
    ],
)
def test_wrong_fields_are_refused(new_key: NewKey, wrong: dict[str, Any]) -> None:
    assert problem(new_key("tokens", "users").post("/server/tokens", wrong)) == (422, "validation_error")


def test_unknown_and_deactivated_users_get_no_tokens(new_key: NewKey, alice: Person, engine: Engine) -> None:
    backend = new_key("tokens", "users")
    for unknown in (UNKNOWN_ID, "ext:unknown", "00000000-0000-7000-8000-000000000001"):
        assert problem(backend.post("/server/tokens", {"userId": unknown})) == (404, "not_found")
    external_id = secrets.token_hex(8)
    change(engine, alice, f"is_active = false, external_id = '{external_id}'")
    user = {"externalId": external_id, "displayName": "Someone else"}
    for body in ({"userId": alice.id}, {"user": user}):
        assert problem(backend.post("/server/tokens", body)) == (409, "user_inactive")
    with engine.connect() as db:
        name = db.scalar(text("SELECT display_name FROM users WHERE id = :id"), {"id": alice.id})
    assert name is None


def test_scopes(new_key: NewKey, alice: Person, admin: Person, register_person: NewPerson, engine: Engine) -> None:
    moderator = register_person("moderator")
    change(engine, moderator, "role = 'MODERATOR'")

    def lacks(backend: Backend, body: dict[str, Any]) -> str:
        response = backend.post("/server/tokens", body)
        assert problem(response) == (403, "scope_missing")
        return str(response.json()["errors"]["scope"][0])

    assert lacks(new_key("users", "act"), {"userId": alice.id}) == "tokens"
    assert lacks(new_key("tokens"), {"user": {"externalId": "4711"}}) == "users"
    for privileged in (moderator, admin):
        assert lacks(new_key("tokens", "users"), {"userId": privileged.id}) == "admin"
        assert new_key("tokens", "admin").post("/server/tokens", {"userId": privileged.id}).status_code == 201
    # The same holds for sessions.
    backend = new_key("tokens")
    responses = [
        backend.get(f"/server/users/{moderator.id}/sessions"),
        backend.delete(f"/server/users/{moderator.id}/sessions"),
        backend.post(f"/server/users/{moderator.id}/revoke-tokens"),
        new_key("users").get(f"/server/users/{alice.id}/sessions"),
    ]
    assert [problem(response) for response in responses] == [(403, "scope_missing")] * 4
    assert [response.json()["errors"]["scope"] for response in responses] == [["admin"]] * 3 + [["tokens"]]
    assert backend.delete(f"/server/users/{alice.id}/sessions").status_code == 204


def test_administrators_do_not_issue_tokens(admin: Person, alice: Person) -> None:
    for person in (admin, alice):
        assert problem(person.post("/server/tokens", {"userId": alice.id})) == (403, "forbidden")
