"""Users of an app, for its servers."""

import json
import secrets
import threading
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from tests.conftest import Connect, NewKey, NewPerson, only_admin
from tests.people import Person, data, problem

PICTURE = "https://example.org/a.png"
SYSTEM = "00000000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def backend(register_person: NewPerson, engine: Engine) -> Person:
    """A caller with the scopes `users` and `admin`: a user with the role ADMIN."""
    person = register_person("backend")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": person.id})
    return person


def new_external_id() -> str:
    return secrets.token_hex(6)


def put(backend: Person, external_id: str, **fields: Any) -> Any:
    return data(backend.request("PUT", f"/server/users/{quote(external_id, safe='')}", json=fields))


def refused(backend: Person, external_id: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    response = backend.request("PUT", f"/server/users/{quote(external_id, safe='')}", json=fields)
    problem(response)
    return response.status_code, response.json()


def audit_actions(engine: Engine, user_id: str) -> list[tuple[str, Any]]:
    with engine.connect() as db:
        rows = db.execute(
            text("SELECT action, details FROM audit_log WHERE target_id = :id ORDER BY id"), {"id": user_id}
        )
        return [(action, details) for action, details in rows]


def test_put_creates_a_user_and_changes_only_given_fields(backend: Person, engine: Engine) -> None:
    external_id = new_external_id()
    path = f"/server/users/{external_id}"
    fields = {"displayName": " Zoë Müller ", "avatar": PICTURE, "data": {"team": 7}, "privateData": {"plan": "pro"}}
    response = backend.request("PUT", path, json=fields)
    assert response.status_code == 201
    user = data(response)
    assert user["username"].startswith("zoe_muller_")
    assert {
        key: user[key] for key in ("displayName", "externalId", "data", "privateData", "email", "role", "isActive")
    } == {
        "displayName": "Zoë Müller",
        "externalId": external_id,
        "data": {"team": 7},
        "privateData": {"plan": "pro"},
        "email": None,
        "role": "USER",
        "isActive": True,
    }
    assert not {"passwordLogin", "lastLoginAt", "isBot", "isDeleted"} & set(user)
    again = backend.request("PUT", f"/server/users/ext:{external_id}", json={"data": None, "email": "Z@example.org"})
    assert again.status_code == 200
    changed = data(again)
    assert (changed["id"], changed["email"], changed["avatar"]) == (user["id"], "Z@example.org", PICTURE)
    assert "data" not in changed
    assert changed["privateData"] == {"plan": "pro"}
    put(backend, external_id, email=None)
    actions = audit_actions(engine, user["id"])
    assert [action for action, _ in actions] == ["user.created", "user.updated", "user.updated"]
    assert actions[1][1] == {"fields": ["data", "email"]}


def test_a_call_that_changes_nothing_writes_nothing(backend: Person, engine: Engine) -> None:
    fields = {"displayName": "Ida", "data": {"a": 1, "b": [1.5, None, {"c": True}]}, "email": None}
    user = put(backend, external_id := new_external_id(), **fields)
    with engine.connect() as db:
        before = db.execute(text("SELECT xmin FROM users WHERE id = :id"), {"id": user["id"]}).scalar()
    unchanged: tuple[dict[str, Any], ...] = (
        {},
        fields,
        {"data": {"b": [1.5, None, {"c": True}], "a": 1.0}},
        {"privateData": {}},
        {"isBot": False},
    )
    for same in unchanged:
        assert put(backend, external_id, **same) == user
    with engine.connect() as db:
        assert db.execute(text("SELECT xmin FROM users WHERE id = :id"), {"id": user["id"]}).scalar() == before
    # True is not 1.
    assert put(backend, external_id, data={"a": True})["updatedAt"] >= user["updatedAt"]
    assert len(audit_actions(engine, user["id"])) == 2


@pytest.mark.parametrize(
    ("display_name", "start"),
    [("Ünal Öztürk-Çelik", "unal_ozturk_ce_"), ("東京", "user_"), ("!?", "user_"), (None, "user_"), ("Bo", "bo_")],
)
def test_a_username_is_made_from_the_display_name(backend: Person, display_name: str | None, start: str) -> None:
    fields = {"displayName": display_name} if display_name else {}
    username = put(backend, new_external_id(), **fields)["username"]
    assert username.startswith(start)
    assert len(username) == len(start) + 5
    assert username.isascii()
    assert username.replace("_", "a").isalnum()


@pytest.mark.parametrize(
    "fields",
    [
        {"displayName": ""},
        {"displayName": "   "},
        {"displayName": "a" * 81},
        {"displayName": "a\0"},
        {"displayName": 7},
        {"username": None},
        {"username": "x"},
        {"username": "system"},
        {"email": "nothing"},
        {"avatar": "ftp://example.org/a.png"},
        {"data": []},
        {"data": "x"},
        {"data": {"a": "\0"}},
        {"data": {"a\0": 1}},
        {"data": {"a" * 65: 1}},
        {"data": {"a": {"b": {"c": {"d": {"e": {}}}}}}},
        {"data": {"a": [[[[[]]]]]}},
        {"data": {"a": "x" * 4100}},
        {"privateData": {"a": ["\u20ac" * 1400]}},
        {"data": {"a": [1e300] * 20}},
        {"role": "OWNER"},
        {"role": None},
        {"isBot": None},
        {"isBot": 1},
        {"isActive": False},
        {"externalId": "other"},
        {"password": "Correct4Horse"},
        {"id": SYSTEM},
    ],
)
def test_invalid_fields_are_refused(backend: Person, fields: dict[str, Any]) -> None:
    status, body = refused(backend, "invalid_fields", **fields)
    assert (status, body["code"]) == (422, "validation_error")
    assert list(body["errors"]) == list(fields)


def test_data_may_have_the_largest_size_and_depth(backend: Person) -> None:
    largest = {"a": {"b": {"c": {"d": {"e": 1}}}}, "k" * 64: "x" * 3995}
    assert len(json.dumps(largest, separators=(",", ":"))) == 4096
    user = put(backend, new_external_id(), data=largest, privateData=largest)
    assert user["data"] == user["privateData"] == largest


@pytest.mark.parametrize("external_id", [".", "..", "a b", "a\\b", "ext:ext:a", "x" * 129, "a\u200b", "a\n"])
def test_invalid_external_ids_are_refused(backend: Person, external_id: str) -> None:
    body = {"users": [{"externalId": external_id}]}
    assert problem(backend.post("/server/users", body)) == (422, "validation_error")
    if external_id not in (".", ".."):  # Clients resolve these in paths.
        assert refused(backend, external_id)[0] == 422


def test_external_ids_are_normalised_and_case_sensitive(backend: Person) -> None:
    word = new_external_id()
    composed, decomposed = f"\u00e9{word}", f"e\u0301{word}"
    user = put(backend, decomposed)
    assert user["externalId"] == composed
    assert put(backend, composed)["id"] == user["id"]
    assert put(backend, composed.upper())["id"] != user["id"]
    # A UUID in the path of PUT is an external id too.
    other = put(backend, user["id"])
    assert other["externalId"] == user["id"]
    assert other["id"] != user["id"]
    strange = f"{word}%?#&+€"
    assert put(backend, strange)["externalId"] == strange
    assert data(backend.get(f"/server/users/ext:{quote(strange, safe='')}"))["externalId"] == strange


def test_taken_names_are_refused(backend: Person, alice: Person) -> None:
    external_id = new_external_id()
    assert refused(backend, external_id, username=alice.name.upper())[1]["code"] == "username_taken"
    assert refused(backend, external_id, email=alice.email.upper())[1]["code"] == "email_taken"
    user = put(backend, external_id)
    assert refused(backend, external_id, username=alice.name)[1]["code"] == "username_taken"
    assert refused(backend, external_id, email=alice.email)[1]["code"] == "email_taken"
    assert data(backend.get(f"/server/users/{user['id']}")) == user
    patch = backend.patch(f"/server/users/{alice.id}", {"externalId": external_id})
    assert problem(patch) == (409, "external_id_taken")


def test_an_existing_account_gets_an_external_id(backend: Person, alice: Person) -> None:
    external_id = new_external_id()
    linked = data(backend.patch(f"/server/users/{alice.id}", {"externalId": external_id}))
    assert (linked["id"], linked["externalId"], linked["passwordLogin"]) == (alice.id, external_id, True)
    assert data(alice.get("/users/me"))["externalId"] == external_id
    assert put(backend, external_id, displayName="Alice")["id"] == alice.id
    assert data(alice.get("/users/me"))["displayName"] == "Alice"
    assert "externalId" not in data(backend.patch(f"/server/users/ext:{external_id}", {"externalId": None}))


def test_is_bot_is_set_only_at_creation(backend: Person) -> None:
    bot = put(backend, external_id := new_external_id(), isBot=True)
    assert bot["isBot"] is True
    assert put(backend, external_id, isBot=True) == bot
    status, body = refused(backend, external_id, isBot=False)
    assert (status, list(body["errors"])) == (422, ["isBot"])
    assert problem(backend.patch(f"/server/users/{bot['id']}", {"isBot": True})) == (422, "validation_error")


def test_a_batch_stores_all_users_in_the_order_of_the_request(backend: Person) -> None:
    first, second, third = sorted((new_external_id() for _ in range(3)), reverse=True)
    put(backend, second, displayName="Old")
    put(backend, third, displayName="Same")
    users = [
        {"externalId": first, "displayName": "New", "isBot": True},
        {"externalId": second, "displayName": "Changed"},
        {"externalId": third, "displayName": "Same"},
    ]
    response = backend.post("/server/users", {"users": users})
    assert response.status_code == 200
    assert [user["externalId"] for user in data(response)] == [first, second, third]
    assert response.json()["meta"] == {"created": 1, "updated": 1, "unchanged": 1}


@pytest.mark.parametrize(
    ("fault", "status", "field"),
    [
        ({"avatar": "no url"}, 422, "avatar"),
        ({"nonsense": 1}, 422, "nonsense"),
        ({"isBot": True}, 422, "isBot"),
        ({"username": "taken"}, 409, "username"),
        ({"email": "taken"}, 409, "email"),
    ],
)
def test_a_batch_with_one_fault_stores_nothing(
    backend: Person, alice: Person, fault: dict[str, Any], status: int, field: str
) -> None:
    fault = {name: {"username": alice.name, "email": alice.email}.get(name, value) for name, value in fault.items()}
    known, new = new_external_id(), new_external_id()
    put(backend, known)
    response = backend.post("/server/users", {"users": [{"externalId": new}, {"externalId": known, **fault}]})
    assert problem(response)[0] == status
    assert list(response.json()["errors"]) == [f"users.1.{field}"]
    assert problem(backend.get(f"/server/users/ext:{new}")) == (404, "not_found")


def test_a_batch_has_1_to_100_different_users(backend: Person) -> None:
    def refused_fields(users: Any) -> list[str]:
        response = backend.post("/server/users", {"users": users})
        assert problem(response) == (422, "validation_error")
        return list(response.json()["errors"])

    same = [{"externalId": "twice"}, {"externalId": "other"}, {"externalId": "twice"}]
    assert refused_fields(same) == ["users.2.externalId"]
    assert refused_fields([{"displayName": "Nobody"}]) == ["users.0.externalId"]
    assert refused_fields(["x"]) == ["users.0"]
    assert refused_fields([]) == ["users"]
    assert refused_fields([{"externalId": f"many{number}"} for number in range(101)]) == ["users"]
    assert refused_fields(None) == ["users"]
    whole = [{"externalId": f"{new_external_id()}{number}"} for number in range(100)]
    assert backend.post("/server/users", {"users": whole}).json()["meta"]["created"] == 100


def test_users_are_listed_newest_first(backend: Person) -> None:
    word = f"q{secrets.token_hex(3)}"
    people = [put(backend, f"{word}{number}", username=f"{word}_{number}") for number in range(3)]
    data(backend.patch(f"/server/users/{people[0]['id']}", {"isActive": False}))
    names = [user["username"] for user in reversed(people)]

    def listed(**query: Any) -> list[str]:
        return [user["username"] for user in data(backend.get("/server/users", **query))]

    assert listed(q=word[1:]) == names
    assert listed(q=word.upper(), isActive="true") == names[:2]
    assert listed(q=word, isActive="false") == names[2:]
    assert sorted(listed(externalId=[f"{word}0", f"{word}2", "unknown"])) == sorted((names[0], names[2]))
    first = backend.get("/server/users", q=word, limit=2).json()
    cursor = first["meta"]["nextCursor"]
    assert listed(q=word, limit=2, cursor=cursor) == names[2:]
    assert SYSTEM not in [user["id"] for user in data(backend.get("/server/users", q="system"))]
    for query in ({"cursor": "x"}, {"cursor": cursor}, {"q": word, "isActive": "true", "cursor": cursor}):
        assert problem(backend.get("/server/users", **query)) == (400, "cursor_invalid")
    for wrong in ({"isActive": "1"}, {"q": ""}, {"externalId": "a/b"}, {"externalId": ["x"] * 21}, {"limit": 101}):
        assert problem(backend.get("/server/users", **wrong)) == (422, "validation_error")


def test_users_are_looked_up_by_external_id(backend: Person) -> None:
    first, second = put(backend, new_external_id()), put(backend, new_external_id())
    asked = [second["externalId"], "unknown", first["externalId"]]
    assert data(backend.post("/server/users/lookup", {"externalIds": asked})) == [second, first]
    for wrong in ([], ["x"] * 101, ["a/b"], [7], None):
        assert problem(backend.post("/server/users/lookup", {"externalIds": wrong})) == (422, "validation_error")


@pytest.mark.parametrize(
    "name", ["ext:unknown_user", "01a209c0-dd89-7528-89ae-40572c1fa41a", "nonsense", "ext:", SYSTEM]
)
def test_unknown_users_are_not_found(backend: Person, name: str) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"displayName": "X"}),
        ("POST", "/deactivate", None),
        ("POST", "/reactivate", None),
    ):
        assert problem(backend.request(method, f"/server/users/{name}{path}", json=body)) == (404, "not_found")


def test_deactivation_ends_sessions_and_reactivation_allows_new_ones(
    backend: Person, alice: Person, connect: Connect, engine: Engine
) -> None:
    socket = connect(alice, transports=["websocket"])
    for _ in range(2):
        assert backend.post(f"/server/users/{alice.id}/deactivate").status_code == 204
    assert socket.wait_disconnect() == "io server disconnect"
    assert problem(alice.get("/users/me")) == (401, "token_invalid")
    assert data(backend.get(f"/server/users/{alice.id}"))["isActive"] is False
    for _ in range(2):
        assert backend.post(f"/server/users/{alice.id}/reactivate").status_code == 204
    assert problem(alice.get("/users/me")) == (401, "token_invalid")
    assert [action for action, _ in audit_actions(engine, alice.id)] == ["user.deactivated", "user.reactivated"]


def test_the_last_administrator_stays(backend: Person, engine: Engine) -> None:
    with only_admin(engine, backend.id):
        path = f"/server/users/{backend.id}"
        assert problem(backend.patch(path, {"role": "USER"})) == (409, "last_admin")
        assert problem(backend.patch(path, {"isActive": False})) == (409, "last_admin")
        assert problem(backend.post(f"{path}/deactivate")) == (409, "last_admin")


def test_roles_change_with_an_entry_in_the_audit_log(backend: Person, engine: Engine) -> None:
    user = put(backend, external_id := new_external_id(), role="MODERATOR")
    assert user["role"] == "MODERATOR"
    put(backend, external_id, role="USER", displayName="Kim")
    assert audit_actions(engine, user["id"])[1:] == [
        ("role.changed", {"role": "USER"}),
        ("user.updated", {"fields": ["displayName"]}),
    ]


def test_presence_and_unread_messages(backend: Person, alice: Person, bob: Person, connect: Connect) -> None:
    external_id = new_external_id()
    data(backend.patch(f"/server/users/{alice.id}", {"externalId": external_id}))
    connect(alice)
    # Servers see presence whatever the settings.
    data(alice.patch("/users/me/settings", {"lastSeen": "nobody"}))
    asked = {"userIds": [f"ext:{external_id}", bob.id, "ext:unknown", SYSTEM, alice.id]}
    presence = data(backend.post("/server/presence", asked))
    assert presence == [
        {"userId": alice.id, "externalId": external_id, "isOnline": True},
        {"userId": bob.id, "isOnline": False},
    ]
    chat_id = bob.direct_chat(alice)
    bob.send(chat_id, "one")
    bob.send(chat_id, "two", mentions={"userIds": [alice.id]})
    bob.send(bob.group(alice), "three", mentions={"all": True})
    assert data(backend.post("/server/unread", asked)) == [
        {"userId": alice.id, "externalId": external_id, "chats": 2, "messages": 3, "mentions": 2},
        {"userId": bob.id, "chats": 0, "messages": 0, "mentions": 0},
    ]
    for path, limit in (("/server/presence", 1000), ("/server/unread", 100)):
        for wrong in ([], [bob.id] * (limit + 1), ["nonsense"], ["ext:a/b"], [None]):
            assert problem(backend.post(path, {"userIds": wrong})) == (422, "validation_error")
        assert len(data(backend.post(path, {"userIds": [bob.id] * limit}))) == 1


def test_concurrent_calls_create_one_user(backend: Person, engine: Engine) -> None:
    external_id = new_external_id()
    # Each field is set by one of the calls.
    fields = [{"displayName": "Max"}, {"avatar": PICTURE}, {"data": {"a": 1}}, {"privateData": {"b": 2}}] * 2
    statuses: list[int] = []

    def call(change: dict[str, Any]) -> None:
        batch = {"users": [{"externalId": other, **change} for other in (f"{external_id}2", external_id)]}
        statuses.append(backend.request("PUT", f"/server/users/{external_id}", json=change).status_code)
        statuses.append(backend.request("POST", "/server/users", json=batch).status_code)

    threads = [threading.Thread(target=call, args=(change,)) for change in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 201}
    user = data(backend.get(f"/server/users/ext:{external_id}"))
    assert (user["displayName"], user["avatar"], user["data"], user["privateData"]) == (
        "Max",
        PICTURE,
        {"a": 1},
        {"b": 2},
    )
    with engine.connect() as db:
        found = db.execute(text("SELECT count(*) FROM users WHERE external_id LIKE :like"), {"like": f"{external_id}%"})
        assert found.scalar() == 2


def test_users_without_the_role_admin_are_refused(alice: Person) -> None:
    assert problem(alice.request("PUT", "/server/users/x", json={"nonsense": 1})) == (403, "forbidden")
    assert problem(alice.get("/server/users")) == (403, "forbidden")


def test_users_with_a_role_need_the_scope_admin(backend: Person, alice: Person, new_key: NewKey) -> None:
    key, reader = new_key("users"), new_key("users:read")
    external_id = new_external_id()
    data(backend.patch(f"/server/users/{alice.id}", {"role": "MODERATOR", "externalId": external_id}))
    refused_calls: list[tuple[str, str, Any]] = [
        ("PUT", f"/server/users/{external_id}", {"displayName": "X"}),
        ("PUT", f"/server/users/{new_external_id()}", {"role": "ADMIN"}),
        ("POST", "/server/users", {"users": [{"externalId": new_external_id()}, {"externalId": external_id}]}),
        ("PATCH", f"/server/users/{alice.id}", {"data": {}}),
        ("POST", f"/server/users/{alice.id}/deactivate", None),
        ("DELETE", f"/server/users/{alice.id}", None),
    ]
    for method, path, body in refused_calls:
        response = key.request(method, path, json=body)
        assert problem(response) == (403, "scope_missing"), path
        assert list(response.json()["errors"]["scope"]) == ["admin"]
        assert list(reader.request(method, path, json=body).json()["errors"]["scope"]) == ["users"]
    assert data(reader.get(f"/server/users/{alice.id}"))["role"] == "MODERATOR"
    assert data(key.get(f"/server/users/ext:{external_id}"))["id"] == alice.id


def test_statuses_of_messages_do_not_wait_for_bots(backend: Person, alice: Person, bob: Person) -> None:
    bot = put(backend, new_external_id(), isBot=True)
    created = data(alice.post("/chats/groups", {"name": "Bots", "memberIds": [bot["id"], bob.id]}))
    added = data(alice.post("/chats/groups", {"name": "Bots", "memberIds": [bob.id]}))
    data(alice.post(f"/chats/{added['id']}/members", {"userId": bot["id"]}))
    for chat in (created, added):
        message = alice.send(chat["id"], "hello")
        assert data(alice.get(f"/messages/{chat['id']}"))[0]["status"] == "SENT"
        data(bob.post(f"/messages/{chat['id']}/read"))
        assert data(alice.get(f"/messages/{chat['id']}"))[0]["status"] == "READ"
        assert data(alice.get(f"/chats/{chat['id']}"))["lastMessage"]["status"] == "READ"
        statuses = data(alice.get(f"/messages/{message['id']}/statuses"))
        assert [status["userId"] for status in statuses] == [bob.id]
