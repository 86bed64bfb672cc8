"""Chats for servers: what a backend with an API key creates and changes."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import NewKey
from tests.people import Backend, Person, data, problem
from tests.waiting import eventually

READER_FIELDS = {"unreadCount", "peer"}


def new_id() -> str:
    return f"room-{uuid.uuid4().hex[:12]}"


def put(backend: Backend, external_id: str, **body: Any) -> dict[str, Any]:
    return data(backend.put(f"/server/chats/{quote(external_id, safe='')}", body))  # type: ignore[no-any-return]


def roles(chat: dict[str, Any]) -> dict[str, str]:
    return {member["userId"]: member["role"] for member in chat["members"]}


def named(engine: Engine, person: Person) -> str:
    """A reference to a person by the external id, which they get here."""
    external_id = f"user-{uuid.uuid4().hex[:12]}"
    with engine.begin() as db:
        values = {"external_id": external_id, "id": person.id}
        db.execute(text("UPDATE users SET external_id = :external_id WHERE id = :id"), values)
    return f"ext:{external_id}"


def entries(engine: Engine, chat_id: str) -> list[tuple[str, dict[str, Any]]]:
    with engine.connect() as db:
        found = text("SELECT action, coalesce(details, '{}') FROM audit_log WHERE target_id = :id ORDER BY id")
        return [(action, details) for action, details in db.execute(found, {"id": chat_id})]


def test_put_creates_a_group_once(backend: Backend, alice: Person, bob: Person, engine: Engine) -> None:
    id, body = new_id(), {"name": " Team ", "data": {"order": 7}, "announces": ["left", "joined", "left"]}
    body |= {"memberIds": [alice.id, named(engine, alice), bob.id], "adminIds": [bob.id]}
    response = backend.put(f"/server/chats/{id}", body)
    assert response.status_code == 201
    chat = data(response)
    assert (chat["type"], chat["name"], chat["externalId"]) == ("GROUP", "Team", id)
    assert (chat["data"], chat["announces"], chat["memberCount"]) == ({"order": 7}, ["joined", "left"], 2)
    assert roles(chat) == {alice.id: "MEMBER", bob.id: "ADMIN"}
    assert not READER_FIELDS & chat.keys()
    again = backend.put(f"/server/chats/ext:{id}", body)
    assert again.status_code == 200
    assert data(again) == chat
    assert data(backend.get(f"/server/chats/ext:{id}")) == data(backend.get(f"/server/chats/{chat['id']}")) == chat
    assert entries(engine, chat["id"]) == [("chat.created", {})]
    seen = data(alice.get(f"/chats/{chat['id']}"))
    assert (seen["externalId"], seen["data"], seen["unreadCount"]) == (id, {"order": 7}, 0)
    assert "announces" not in seen


def test_absent_fields_are_absent(backend: Backend, alice: Person) -> None:
    chat = put(backend, new_id(), name="x", data={}, announces=[])
    assert not {"data", "announces"} & chat.keys()
    assert (chat["memberCount"], chat["members"], chat["lastRev"]) == (0, [], 1)
    direct = data(alice.get("/chats"))
    assert all(not {"externalId", "data"} & each.keys() for each in direct)


def test_put_changes_what_it_names(backend: Backend, alice: Person, bob: Person, carol: Person, engine: Engine) -> None:
    id = new_id()
    first = put(backend, id, name="x", description="d", data={"a": 1}, memberIds=[alice.id], adminIds=[bob.id])
    chat = put(backend, id, description=None, data=None, memberIds=[bob.id, carol.id], adminIds=[alice.id])
    assert (chat["name"], chat["description"], chat.get("data")) == ("x", None, None)
    # Named members keep their role, and none is removed.
    assert roles(chat) == {alice.id: "ADMIN", bob.id: "ADMIN", carol.id: "MEMBER"}
    assert chat["lastRev"] == first["lastRev"] + 3
    assert [action for action, _ in entries(engine, chat["id"])] == [
        "chat.created", "chat.updated", "member.updated", "member.added",
    ]  # fmt: skip
    exact = put(backend, id, memberIds=[carol.id], exactly=True)
    assert roles(exact) == {carol.id: "ADMIN"}
    assert entries(engine, chat["id"])[-1][0] == "member.removed"
    assert problem(alice.get(f"/chats/{chat['id']}")) == (404, "not_found")
    # A new ADMIN leaves no reason for a successor.
    replaced = put(backend, id, memberIds=[bob.id], adminIds=[alice.id], exactly=True)
    assert roles(replaced) == {alice.id: "ADMIN", bob.id: "MEMBER"}
    assert put(backend, id, exactly=True)["members"] == []
    assert put(backend, id, adminIds=[alice.id])["id"] == chat["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": "x", "announces": ["left", "gone"]}, "announces"),
        ({"name": "x", "data": [1]}, "data"),
        ({"name": "x", "data": {"a": "x" * 8192}}, "data"),
        ({"name": "x", "data": {"x" * 65: 1}}, "data"),
        ({"name": "x", "data": {"a": {"a": {"a": {"a": {"a": {}}}}}}}, "data"),
        ({"name": "x", "data": {"a": "\0"}}, "data"),
        ({"name": "x", "memberIds": ["4711"]}, "memberIds"),
        ({"name": "x", "memberIds": None}, "memberIds"),
        ({"name": "x", "adminIds": ["ext:"]}, "adminIds"),
        ({"name": "x", "memberIds": [str(uuid.UUID(int=n)) for n in range(1001)]}, "memberIds"),
        ({"name": "x", "exactly": "yes"}, "exactly"),
        ({"name": "x", "externalId": "y"}, "externalId"),
    ],
)
def test_invalid_groups_are_refused(backend: Backend, body: dict[str, Any], field: str) -> None:
    id = new_id()
    response = backend.put(f"/server/chats/{id}", body)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == [field]
    assert problem(backend.get(f"/server/chats/ext:{id}")) == (404, "not_found")


@pytest.mark.parametrize("external_id", ["x" * 129, "a\\b", "a b", "ext:ext:a"])
def test_invalid_external_ids_are_refused(backend: Backend, external_id: str) -> None:
    response = backend.put(f"/server/chats/{quote(external_id, safe='')}", {"name": "x"})
    assert problem(response) == (422, "validation_error")


def test_data_within_the_bounds_is_accepted(backend: Backend, alice: Person) -> None:
    whole = {"k" * 64: {"a": {"a": {"a": {}}}}, "text": "ü" * 4000}
    assert put(backend, new_id(), name="x", data=whole)["data"] == whole
    chat = data(alice.post("/chats/groups", {"name": "x", "data": whole}))
    assert chat["data"] == whole


def test_any_external_id_is_one(backend: Backend) -> None:
    for external_id in (str(uuid.uuid4()), f"é+%&?#{uuid.uuid4().hex}", f"e\u0301{uuid.uuid4().hex}"):
        chat = put(backend, external_id, name="x")
        assert chat["externalId"] == external_id.replace("e\u0301", "é")
        found = backend.get(f"/server/chats/{quote('ext:' + external_id, safe='')}")
        assert data(found)["id"] == chat["id"]


def test_unknown_users_are_named(backend: Backend, alice: Person, engine: Engine) -> None:
    id, system = new_id(), "00000000-0000-7000-8000-000000000001"
    for unknown in ("ext:nobody", str(uuid.uuid4()), system):
        response = backend.put(f"/server/chats/{id}", {"name": "x", "memberIds": [alice.id, unknown]})
        assert problem(response) == (404, "not_found")
        assert unknown in response.json()["detail"]
    assert problem(backend.get(f"/server/chats/ext:{id}")) == (404, "not_found")
    put(backend, id, name="x", memberIds=[alice.id])
    with engine.begin() as db:
        db.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": alice.id})
    # A deactivated member stays, but can't be added.
    assert len(put(backend, id, memberIds=[alice.id], exactly=True)["members"]) == 1
    response = backend.put(f"/server/chats/{new_id()}", {"name": "x", "memberIds": [alice.id]})
    assert problem(response) == (404, "not_found")


def test_concurrent_calls_create_one_group(backend: Backend, alice: Person, bob: Person) -> None:
    id = new_id()

    def call(person: Person) -> Any:
        return backend.put(f"/server/chats/{id}", {"name": "x", "memberIds": [person.id]})

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(call, [alice, bob] * 4))
    assert sorted(response.status_code for response in responses) == [200] * 7 + [201]
    assert len({data(response)["id"] for response in responses}) == 1
    assert set(roles(data(backend.get(f"/server/chats/ext:{id}")))) == {alice.id, bob.id}


def test_groups_have_at_most_a_thousand_members(backend: Backend, alice: Person, engine: Engine) -> None:
    mark = uuid.uuid4().hex[:8]
    with engine.begin() as db:
        crowd = "INSERT INTO users (id, username) SELECT gen_random_uuid(), :mark || n FROM generate_series(1, 1000) n RETURNING id::text"
        ids = list(db.execute(text(crowd), {"mark": f"c{mark}_"}).scalars())
    id = new_id()
    chat = put(backend, id, name="x", memberIds=ids)
    assert (chat["memberCount"], len(chat["members"])) == (1000, 100)
    assert problem(backend.put(f"/server/chats/{id}", {"memberIds": [alice.id]})) == (409, "group_full")
    added = backend.post(f"/server/chats/ext:{id}/members", {"userIds": [alice.id]})
    assert problem(added) == (409, "group_full")
    exact = put(backend, id, memberIds=[*ids[500:999], alice.id], exactly=True)
    assert exact["memberCount"] == 500
    assert problem(
        backend.put(f"/server/chats/{new_id()}", {"name": "x", "memberIds": ids, "adminIds": [alice.id]})
    ) == (
        409,
        "group_full",
    )


def test_direct_chats_are_those_of_users(backend: Backend, alice: Person, bob: Person, engine: Engine) -> None:
    body = {"userIds": [alice.id, named(engine, bob)], "data": {"a": 1}}
    response = backend.post("/server/chats/direct", body)
    assert response.status_code == 201
    chat = data(response)
    assert (chat["type"], chat["data"], set(roles(chat))) == ("DIRECT", {"a": 1}, {alice.id, bob.id})
    assert alice.direct_chat(bob) == chat["id"]
    again = backend.post("/server/chats/direct", {"userIds": [bob.id, alice.id]})
    assert (again.status_code, data(again)) == (200, chat)
    changed = data(backend.post("/server/chats/direct", body | {"data": {"a": 2}}))
    assert (changed["data"], changed["lastRev"]) == ({"a": 2}, chat["lastRev"] + 1)
    assert data(bob.get(f"/chats/{chat['id']}"))["data"] == {"a": 2}
    for users in ([alice.id], [alice.id, alice.id], [alice.id, bob.id, alice.id]):
        assert problem(backend.post("/server/chats/direct", {"userIds": users})) == (422, "validation_error")
    response = backend.post("/server/chats/direct", {"userIds": [alice.id, "ext:nobody"]})
    assert problem(response) == (404, "not_found")
    assert "ext:nobody" in response.json()["detail"]


def test_direct_chats_are_no_groups(backend: Backend, alice: Person, bob: Person) -> None:
    path = f"/server/chats/{alice.direct_chat(bob)}"
    responses = [
        backend.patch(path, {"name": "x"}),
        backend.patch(path, {"announces": ["joined"]}),
        backend.delete(path),
        backend.post(f"{path}/members", {"userIds": [bob.id]}),
        backend.patch(f"{path}/members/{bob.id}", {"role": "ADMIN"}),
        backend.delete(f"{path}/members/{bob.id}"),
    ]
    assert {problem(response) for response in responses} == {(409, "not_a_group")}
    id = new_id()
    assert data(backend.patch(path, {"externalId": id, "data": {"a": 1}}))["externalId"] == id
    assert problem(backend.put(f"/server/chats/{id}", {"name": "x"})) == (409, "not_a_group")


def test_patch_changes_only_given_fields(backend: Backend, alice: Person, engine: Engine) -> None:
    id, other = new_id(), new_id()
    chat = put(backend, id, name="x", data={"a": 1}, memberIds=[alice.id])
    path = f"/server/chats/{chat['id']}"
    assert "members" not in data(backend.patch(path, {}))
    # What members don't see takes no number.
    announcing = data(backend.patch(path, {"announces": ["role"]}))
    assert (announcing["announces"], announcing["lastRev"]) == (["role"], chat["lastRev"])
    moved = data(backend.patch(path, {"externalId": other, "name": "y"}))
    assert (moved["externalId"], moved["name"], moved["data"]) == (other, "y", {"a": 1})
    assert moved["lastRev"] == chat["lastRev"] + 1
    assert problem(backend.get(f"/server/chats/ext:{id}")) == (404, "not_found")
    put(backend, id, name="another")
    assert problem(backend.patch(path, {"externalId": id})) == (409, "external_id_taken")
    assert "externalId" not in data(backend.patch(path, {"externalId": None}))
    assert entries(engine, chat["id"])[-2:] == [
        ("chat.updated", {"fields": ["externalId", "name"]}),
        ("chat.updated", {"fields": ["externalId"]}),
    ]
    assert problem(backend.patch("/server/chats/ext:none", {"name": "x"})) == (404, "not_found")


def test_unchanged_values_take_no_number(backend: Backend, alice: Person) -> None:
    chat = put(backend, new_id(), name="x", data={"a": [1, True]}, adminIds=[alice.id])
    same: list[dict[str, Any]] = [{"name": "x"}, {"data": {"a": [1.0, True]}}, {"description": None}, {"avatar": None}]
    for change in [*same, {"announces": None}]:
        assert data(backend.patch(f"/server/chats/{chat['id']}", change))["lastRev"] == chat["lastRev"]
    for change in same:
        assert data(alice.patch(f"/chats/{chat['id']}", change))["lastRev"] == chat["lastRev"]
    # JSON's true is not 1.
    assert data(alice.patch(f"/chats/{chat['id']}", {"data": {"a": [1, 1]}}))["lastRev"] == chat["lastRev"] + 1
    assert "data" not in data(alice.patch(f"/chats/{chat['id']}", {"data": None}))


def test_deleted_group_frees_its_external_id(backend: Backend, alice: Person, engine: Engine) -> None:
    id = new_id()
    chat = put(backend, id, name="x", memberIds=[alice.id])
    assert backend.delete(f"/server/chats/ext:{id}").status_code == 204
    assert problem(backend.delete(f"/server/chats/ext:{id}")) == (404, "not_found")
    assert problem(alice.get(f"/chats/{chat['id']}")) == (404, "not_found")
    assert entries(engine, chat["id"])[-1][0] == "chat.deleted"
    new = backend.put(f"/server/chats/{id}", {"name": "y"})
    assert new.status_code == 201
    assert data(new)["id"] != chat["id"]


def test_members_are_added_changed_and_removed(
    backend: Backend, alice: Person, bob: Person, carol: Person, engine: Engine
) -> None:
    chat = put(backend, new_id(), name="x", adminIds=[alice.id])
    path = f"/server/chats/{chat['id']}/members"
    reference = named(engine, bob)
    added = backend.post(path, {"userIds": [reference, alice.id, bob.id, carol.id]})
    assert added.status_code == 200
    assert [(m["userId"], m["role"]) for m in data(added)] == [
        (bob.id, "MEMBER"), (alice.id, "ADMIN"), (carol.id, "MEMBER"),
    ]  # fmt: skip
    assert data(backend.post(path, {"userIds": [carol.id], "role": "ADMIN"}))[0]["role"] == "MEMBER"
    assert data(backend.patch(f"{path}/{quote(reference, safe='')}", {"role": "ADMIN"}))["role"] == "ADMIN"
    # A server may leave a group without an ADMIN.
    for person in (alice, bob):
        assert data(backend.patch(f"{path}/{person.id}", {"role": "MEMBER"}))["role"] == "MEMBER"
    for _ in range(2):
        assert backend.delete(f"{path}/{alice.id}").status_code == 204
    seen = data(backend.get(f"/server/chats/{chat['id']}"))
    assert roles(seen) == {bob.id: "MEMBER", carol.id: "MEMBER"}
    assert bob.delete(f"/chats/{chat['id']}/leave").status_code == 204
    assert roles(data(backend.get(f"/server/chats/{chat['id']}"))) == {carol.id: "MEMBER"}
    # The last member's own leaving deletes the group; a server keeps it.
    assert backend.delete(f"{path}/{carol.id}").status_code == 204
    assert data(backend.get(f"/server/chats/{chat['id']}"))["memberCount"] == 0
    actions = [action for action, _ in entries(engine, chat["id"])]
    assert actions == ["chat.created", *["member.added"] * 2, *["member.updated"] * 3, *["member.removed"] * 2]
    assert problem(backend.delete(f"{path}/ext:nobody")) == (404, "not_found")
    assert problem(backend.patch(f"{path}/{carol.id}", {"role": "ADMIN"})) == (404, "not_found")
    response = backend.post(path, {"userIds": [carol.id, "ext:nobody"]})
    assert problem(response) == (404, "not_found")
    assert "ext:nobody" in response.json()["detail"]
    for users in ([], [alice.id] * 201, ["x"]):
        assert problem(backend.post(path, {"userIds": users})) == (422, "validation_error")


def test_only_admin_who_is_removed_has_a_successor(backend: Backend, alice: Person, bob: Person) -> None:
    chat = put(backend, new_id(), name="x", adminIds=[alice.id])
    path = f"/server/chats/{chat['id']}/members"
    backend.post(path, {"userIds": [bob.id]})
    assert backend.delete(f"{path}/{alice.id}").status_code == 204
    assert roles(data(backend.get(f"/server/chats/{chat['id']}"))) == {bob.id: "ADMIN"}


def test_chats_are_listed_most_recently_active_first(backend: Backend, alice: Person, bob: Person) -> None:
    chats = [put(backend, new_id(), name=str(n), memberIds=[alice.id])["id"] for n in range(3)]
    alice.send(chats[0], "newest")

    def listed(**query: Any) -> list[str]:
        return [chat["id"] for chat in data(backend.get("/server/chats", **query))]

    assert listed(user=alice.id) == [chats[0], chats[2], chats[1]]
    assert listed()[:3] == [chats[0], chats[2], chats[1]]
    assert listed(user=bob.id) == []
    newest = data(backend.get("/server/chats", user=alice.id))[0]
    assert newest["lastMessage"]["content"] == "newest"
    assert "status" not in newest["lastMessage"]
    assert not READER_FIELDS & newest.keys()
    assert listed(user=alice.id, updatedAfter=newest["updatedAt"]) == []
    second = data(backend.get("/server/chats", user=alice.id))[1]
    assert listed(user=alice.id, updatedAfter=second["updatedAt"]) == [chats[0]]
    page = backend.get("/server/chats", user=alice.id, limit=2).json()
    cursor = page["meta"]["nextCursor"]
    assert listed(user=alice.id, limit=2, cursor=cursor) == [chats[1]]
    for query in ({"user": bob.id}, {}, {"user": alice.id, "updatedAfter": newest["updatedAt"]}):
        assert problem(backend.get("/server/chats", cursor=cursor, **query)) == (400, "cursor_invalid")
    assert problem(backend.get("/server/chats", cursor="x")) == (400, "cursor_invalid")
    assert problem(backend.get("/server/chats", user="ext:nobody")) == (404, "not_found")
    assert problem(backend.get("/server/chats", updatedAfter="yesterday")) == (422, "validation_error")


def test_scopes_limit_what_a_key_may_do(new_key: NewKey, backend: Backend, admin: Person, alice: Person) -> None:
    chat = put(backend, new_id(), name="x", memberIds=[alice.id])
    path = f"/server/chats/{chat['id']}"
    reader = new_key("chats:read", "messages:read")
    assert reader.get(path).status_code == reader.get(f"{path}/messages").status_code == 200
    assert admin.get(path).status_code == admin.get("/server/chats").status_code == 200
    for refused in (reader.put("/server/chats/x", {"name": "x"}), reader.post(f"{path}/messages", {"content": "x"})):
        assert problem(refused) == (403, "scope_missing")
    for refused in (
        admin.patch(path, {"name": "y"}),
        admin.get(f"{path}/messages"),
        alice.get(path),
        alice.post(f"{path}/messages", {"content": "x"}),
    ):
        assert problem(refused) == (403, "forbidden")


def test_only_admins_of_a_group_set_its_data(alice: Person, bob: Person) -> None:
    chat = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id], "data": {"a": 1}}))
    assert data(bob.get("/chats"))[0]["data"] == {"a": 1}
    assert problem(bob.patch(f"/chats/{chat['id']}", {"data": {}})) == (403, "forbidden")
    assert "data" not in data(alice.patch(f"/chats/{chat['id']}", {"data": {}}))
    assert problem(alice.patch(f"/chats/{chat['id']}", {"data": {"a": "x" * 8192}})) == (422, "validation_error")
    assert problem(alice.patch(f"/chats/{chat['id']}", {"externalId": "x"})) == (422, "validation_error")


@pytest.mark.parametrize("change", ["leave", "put"])
def test_changes_of_members_wait_for_their_sends(
    backend: Backend, alice: Person, bob: Person, engine: Engine, change: str
) -> None:
    """A send locks the row of its member, then the chat: what locks them the other way round would be a deadlock."""
    id = new_id()
    chat = put(backend, id, name="x", adminIds=[alice.id], memberIds=[bob.id])
    calls: dict[str, Callable[[], requests.Response]] = {
        "leave": lambda: alice.delete(f"/chats/{chat['id']}/leave"),
        "put": lambda: backend.put(f"/server/chats/{id}", {"name": "y", "adminIds": [bob.id], "exactly": True}),
    }
    with ThreadPoolExecutor(1) as pool, engine.connect() as db:
        row = {"chat_id": chat["id"], "user_id": bob.id}
        locked = "SELECT FROM members WHERE chat_id = :chat_id AND user_id = :user_id FOR NO KEY UPDATE"
        db.execute(text(locked), row)
        called = pool.submit(calls[change])
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        eventually(lambda: db.execute(text(waiting)).scalar() == 1, 10)
        db.execute(text("UPDATE chats SET updated_at = updated_at WHERE id = :chat_id"), row)
        db.commit()
        assert called.result().ok
    assert roles(data(backend.get(f"/server/chats/{chat['id']}"))) == {bob.id: "ADMIN"}
