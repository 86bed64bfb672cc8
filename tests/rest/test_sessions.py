"""Sessions: listed and ended by their user, by servers, and by new ones."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import Connect
from tests.people import PASSWORD, Person, data, problem
from tests.server import Server
from tests.waiting import eventually

UNKNOWN_ID = "00000000-0000-0000-0000-00000000dead"


def with_role(person: Person, engine: Engine, role: str) -> Person:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = :role WHERE id = :id"), {"role": role, "id": person.id})
    return person


def log_in(person: Person, user_agent: str = "tests") -> Person:
    """Another session of the same user."""
    account, headers = {"username": person.name, "password": PASSWORD}, {"User-Agent": user_agent}
    response = requests.post(f"{person.url}/api/v1/auth/login", json=account, headers=headers, timeout=20)
    return Person(person.url, data(response))


def refresh(person: Person) -> requests.Response:
    body = {"refreshToken": person.refresh_token}
    return requests.post(f"{person.url}/api/v1/auth/refresh", json=body, timeout=20)


def session_of(person: Person) -> dict[str, Any]:
    """The session of a person's access token."""
    found: dict[str, Any] = next(each for each in data(person.get("/auth/sessions")) if each.get("isCurrent"))
    return found


def has_ended(person: Person) -> bool:
    """Whether neither token of a person's session is accepted any more."""
    assert problem(refresh(person))[0] == 401
    return problem(person.get("/users/me")) == (401, "token_invalid")


def age(engine: Engine, session_id: str, hours: float) -> None:
    """Make a session older."""
    columns = ("created_at", "last_used_at")
    aged = ", ".join(f"{name} = {name} - make_interval(secs => :seconds)" for name in columns)
    with engine.begin() as db:
        db.execute(text(f"UPDATE sessions SET {aged} WHERE id = :id"), {"seconds": hours * 3600, "id": session_id})


def audited(engine: Engine, user_id: str) -> list[tuple[str, str | None]]:
    statement = "SELECT action, actor_id::text FROM audit_log WHERE target_id = :id ORDER BY id"
    with engine.connect() as db:
        return [tuple(row) for row in db.execute(text(statement), {"id": user_id})]


def test_sessions_are_listed_with_their_client_last_used_first(alice: Person, engine: Engine) -> None:
    phone = log_in(alice, "Phone " * 50)
    age(engine, session_of(alice)["id"], 2)
    listed = alice.get("/auth/sessions")
    assert listed.json()["meta"] == {"nextCursor": None, "hasMore": False}
    newer, older = data(listed)
    assert set(newer) == {"id", "kind", "userAgent", "address", "createdAt", "lastUsedAt", "expiresAt"}
    assert set(older) == {*newer, "isCurrent"}
    assert older["isCurrent"] is True
    assert (newer["kind"], newer["address"]) == ("password", "127.0.0.1")
    assert newer["userAgent"] == ("Phone " * 50)[:200]
    assert newer["createdAt"] <= newer["lastUsedAt"] < newer["expiresAt"]
    assert session_of(phone)["id"] == newer["id"]


def test_the_list_of_sessions_is_paged(alice: Person, bob: Person, admin: Person) -> None:
    for _ in range(2):
        log_in(alice)
    all_sessions = [each["id"] for each in data(alice.get("/auth/sessions"))]
    for person, path in ((alice, "/auth/sessions"), (admin, f"/server/users/{alice.id}/sessions")):
        first = person.get(path, limit=2)
        cursor = first.json()["meta"]["nextCursor"]
        last = person.get(path, limit=2, cursor=cursor)
        assert [each["id"] for each in data(first) + data(last)] == all_sessions
        assert last.json()["meta"] == {"nextCursor": None, "hasMore": False}
        for wrong in ("x", cursor[:-1]):
            assert problem(person.get(path, cursor=wrong)) == (400, "cursor_invalid")
        assert problem(person.get(path, limit=101)) == (422, "validation_error")
    assert problem(bob.get("/auth/sessions", cursor=cursor)) == (400, "cursor_invalid")


def test_refreshing_is_a_use_at_most_once_an_hour(alice: Person, engine: Engine) -> None:
    before = session_of(alice)
    age(engine, before["id"], 0.9)
    earlier = session_of(alice)["lastUsedAt"]
    alice.refresh_token = data(refresh(alice))["refreshToken"]
    assert session_of(alice)["lastUsedAt"] == earlier
    age(engine, before["id"], 0.2)
    data(refresh(alice))
    after = session_of(alice)
    assert after["lastUsedAt"] > before["lastUsedAt"]
    assert after["expiresAt"] > before["expiresAt"]


def test_a_session_ends_with_its_tokens_and_sockets(alice: Person, bob: Person, connect: Connect) -> None:
    phone = log_in(alice)
    socket, other = connect(phone), connect(alice)
    assert alice.delete(f"/auth/sessions/{session_of(phone)['id']}").status_code == 204
    assert has_ended(phone)
    assert socket.wait_disconnect() == "io server disconnect"
    assert other.connected
    assert [each["id"] for each in data(alice.get("/auth/sessions"))] == [session_of(alice)["id"]]


def test_the_current_session_can_be_ended(alice: Person) -> None:
    assert alice.delete(f"/auth/sessions/{session_of(alice)['id']}").status_code == 204
    assert has_ended(alice)


def test_other_and_ended_sessions_are_not_found(alice: Person, bob: Person) -> None:
    phone = log_in(alice)
    id = session_of(phone)["id"]
    assert problem(bob.delete(f"/auth/sessions/{id}")) == (404, "not_found")
    assert problem(alice.delete(f"/auth/sessions/{UNKNOWN_ID}")) == (404, "not_found")
    assert problem(alice.delete("/auth/sessions/x")) == (404, "not_found")
    assert alice.delete(f"/auth/sessions/{id}").status_code == 204
    assert problem(alice.delete(f"/auth/sessions/{id}")) == (404, "not_found")


def test_all_other_sessions_can_be_ended(alice: Person, bob: Person) -> None:
    others = [log_in(alice) for _ in range(3)]
    assert alice.delete("/auth/sessions").status_code == 204
    assert all(has_ended(other) for other in others)
    assert len(data(alice.get("/auth/sessions"))) == 1
    assert bob.get("/users/me").ok


def test_a_session_is_online_while_it_has_a_socket(alice: Person, connect: Connect, server: Server) -> None:
    phone = log_in(alice)
    sockets = [connect(phone), connect(phone)]
    online = {each["id"]: each.get("isOnline") for each in data(alice.get("/auth/sessions"))}
    assert online == {session_of(phone)["id"]: True, session_of(alice)["id"]: None}
    for socket in sockets:
        socket.disconnect()
    eventually(lambda: all("isOnline" not in each for each in data(alice.get("/auth/sessions"))), 15)


def test_a_socket_with_a_new_token_belongs_to_its_session(alice: Person, connect: Connect) -> None:
    phone, socket = log_in(alice), connect(alice)
    assert socket.call("auth:renew", {"token": phone.token})["ok"]
    eventually(lambda: "isOnline" in session_of(phone) and "isOnline" not in session_of(alice), 15)
    alice.delete(f"/auth/sessions/{session_of(phone)['id']}")
    assert socket.wait_disconnect() == "io server disconnect"


def test_a_connected_socket_is_a_use(alice: Person, connect: Connect, engine: Engine) -> None:
    before = session_of(alice)
    age(engine, before["id"], 3)
    connect(alice)
    eventually(lambda: session_of(alice)["lastUsedAt"] > before["lastUsedAt"], 15)


def test_a_locked_session_delays_no_other(alice: Person, bob: Person, connect: Connect, engine: Engine) -> None:
    for person in (alice, bob):
        age(engine, session_of(person)["id"], hours=2)
    before = session_of(bob)
    with engine.begin() as db:
        db.execute(text("SELECT FROM sessions WHERE user_id = :id FOR UPDATE"), {"id": alice.id})
        connect(alice)
        connect(bob)
        eventually(lambda: session_of(bob)["lastUsedAt"] > before["lastUsedAt"], 15)


def test_a_login_is_a_use_of_the_account(alice: Person, engine: Engine) -> None:
    statement = text("SELECT last_login_at FROM users WHERE id = :id")

    def last_login() -> Any:
        with engine.connect() as db:
            return db.execute(statement, {"id": alice.id}).scalar_one()

    first = last_login()
    log_in(alice)
    assert first < last_login()


def test_the_least_recently_used_of_more_than_a_hundred_sessions_ends(
    alice: Person, engine: Engine, connect: Connect
) -> None:
    phone = log_in(alice)
    socket, id = connect(phone), session_of(phone)["id"]
    with engine.begin() as db:
        new = "INSERT INTO sessions (id, user_id, last_used_at, expires_at) VALUES (:id, :user_id, now(), {})"
        for expiry, count in (("now() + interval '1 day'", 98), ("now() - interval '1 s'", 5)):
            sessions = [{"id": str(uuid.uuid4()), "user_id": alice.id} for _ in range(count)]
            db.execute(text(new.format(expiry)), sessions)
    assert len(data(alice.get("/auth/sessions", limit=100))) == 100
    age(engine, id, 1)
    tablet = log_in(alice)
    assert has_ended(phone)
    assert socket.wait_disconnect() == "io server disconnect"
    assert len(data(alice.get("/auth/sessions", limit=100))) == 100
    assert tablet.get("/users/me").ok


def test_servers_list_and_end_sessions_of_any_user(
    admin: Person, alice: Person, engine: Engine, connect: Connect
) -> None:
    phone = log_in(alice)
    socket, id = connect(phone), session_of(phone)["id"]
    listed = data(admin.get(f"/server/users/{alice.id}/sessions"))
    assert {each["id"] for each in listed} == {id, session_of(alice)["id"]}
    assert all("isCurrent" not in each for each in listed)
    assert admin.delete(f"/server/users/{alice.id}/sessions/{id}").status_code == 204
    assert has_ended(phone)
    assert socket.wait_disconnect() == "io server disconnect"
    assert problem(admin.delete(f"/server/users/{alice.id}/sessions/{id}")) == (404, "not_found")
    assert admin.delete(f"/server/users/{alice.id}/sessions").status_code == 204
    assert has_ended(alice)
    assert data(admin.get(f"/server/users/{alice.id}/sessions")) == []
    assert admin.delete(f"/server/users/{alice.id}/sessions").status_code == 204
    # What ended nothing leaves no entry.
    assert audited(engine, alice.id) == [("session.ended", admin.id)] * 2


def test_servers_name_users_by_external_id(admin: Person, alice: Person, bob: Person, engine: Engine) -> None:
    external_id = f"team:{alice.name}&coé"
    with engine.begin() as db:
        named = text("UPDATE users SET external_id = :external_id WHERE id = :id")
        db.execute(named, {"external_id": external_id, "id": alice.id})
    path = f"/server/users/{quote(f'ext:{external_id}', safe='')}/sessions"
    assert [each["id"] for each in data(admin.get(path))] == [session_of(alice)["id"]]
    # A session of another user is none of this one.
    assert problem(admin.delete(f"{path}/{session_of(bob)['id']}")) == (404, "not_found")
    for unknown in ("ext:unknown", UNKNOWN_ID, "x", "ext:..", "ext:a%2Fb", "00000000-0000-7000-8000-000000000001"):
        assert problem(admin.get(f"/server/users/{unknown}/sessions")) == (404, "not_found")


def test_revoked_tokens_end_older_sessions(admin: Person, alice: Person, engine: Engine) -> None:
    phone = log_in(alice)
    id = session_of(phone)["id"]
    age(engine, id, 2)
    an_hour_ago = _moment(engine, "now() - interval '1 hour'")
    path = f"/server/users/{alice.id}/revoke-tokens"
    assert admin.post(path, {"before": an_hour_ago}).status_code == 204
    assert has_ended(phone)
    assert alice.get("/users/me").ok
    assert _tokens_after(engine, alice.id) == an_hour_ago
    # An earlier time revokes nothing more, and reverts nothing.
    assert admin.post(path, {"before": "2020-01-01T00:00:00+02:00"}).status_code == 204
    assert _tokens_after(engine, alice.id) == an_hour_ago
    began = _moment(engine, "now()")
    assert admin.post(path).status_code == 204
    assert has_ended(alice)
    assert began <= _tokens_after(engine, alice.id) <= _moment(engine, "now()")
    # A time in the future is now.
    assert admin.post(path, {"before": "2100-01-01T00:00:00Z"}).status_code == 204
    assert _tokens_after(engine, alice.id) <= _moment(engine, "now()")
    assert audited(engine, alice.id) == [("user.tokens_revoked", admin.id)] * 4


@pytest.mark.parametrize("before", ["yesterday", "", 5, None, "2026-13-01T00:00:00Z", "2026-01-01"])
def test_a_wrong_time_of_revocation_is_invalid(admin: Person, alice: Person, before: object) -> None:
    response = admin.post(f"/server/users/{alice.id}/revoke-tokens", {"before": before})
    assert problem(response) == (422, "validation_error")


def test_sessions_of_others_are_for_servers_only(alice: Person, bob: Person, engine: Engine) -> None:
    moderator = with_role(bob, engine, "MODERATOR")
    users = f"/server/users/{alice.id}"
    calls: list[Callable[[], requests.Response]] = [
        lambda: moderator.get(f"{users}/sessions"),
        lambda: moderator.delete(f"{users}/sessions"),
        lambda: moderator.delete(f"{users}/sessions/{session_of(alice)['id']}"),
        lambda: moderator.post(f"{users}/revoke-tokens"),
    ]
    assert [problem(call()) for call in calls] == [(403, "forbidden")] * len(calls)
    assert alice.get("/users/me").ok


def _moment(engine: Engine, sql: str) -> str:
    with engine.connect() as db:
        return str(db.execute(text(f"SELECT wire_time(CAST({sql} AS timestamptz(3)))")).scalar_one())


def _tokens_after(engine: Engine, user_id: str) -> str:
    return _moment(engine, f"(SELECT tokens_after FROM users WHERE id = '{user_id}')")
