"""Changed profiles, as the sockets of other users learn of them."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.conftest import Connect, NewPerson
from tests.people import Person, data, problem, register
from tests.server import Server
from tests.socket_clients import SocketClient


def make_admin(engine: Engine, person: Person) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": person.id})


@pytest.fixture(scope="module")
def admin(register_person: NewPerson, engine: Engine) -> Person:
    """A caller with the scopes `users` and `admin`."""
    person = register_person("backend")
    make_admin(engine, person)
    return person


@pytest.fixture(scope="module")
def managed(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose app manages the profiles of users, and shows external ids only to servers."""
    changes = {"PROFILE_EDITING": "server", "EXTERNAL_IDS": "private"}
    with Server(database_url, tmp_path_factory.mktemp("managed"), **changes) as server:
        yield server


def updates(*sockets: SocketClient) -> list[Any]:
    """The next update that each of these sockets gets; changes are coalesced for 2 s."""
    return [socket.wait_for("user:updated") for socket in sockets]


def test_changes_are_one_event_to_users_who_share_a_chat(
    alice: Person, bob: Person, carol: Person, connect: Connect
) -> None:
    alice.direct_chat(bob)
    data(alice.post("/chats/groups", {"name": "Both", "memberIds": [bob.id]}))
    own, others, stranger = connect(alice), [connect(bob), connect(bob)], connect(carol)
    data(alice.patch("/users/me", {"displayName": "First"}))
    data(alice.patch("/users/me", {"displayName": " Alice Ä. ", "data": {"team": 7}}))
    changes = {"username": f"new_{secrets.token_hex(4)}", "avatar": "https://example.org/a.png"}
    me = data(alice.patch("/users/me", changes))
    assert me["displayName"] == "Alice Ä."
    expected = {key: me[key] for key in ("id", "username", "avatar", "displayName", "data", "createdAt")}
    for update in updates(own, *others):
        assert update == {"user": expected | {"isOnline": False, "lastSeen": None}}
    # A later change is another event. A change of nothing is none.
    data(alice.patch("/users/me", {"data": None}))
    data(alice.patch("/users/me", changes))
    for update in updates(own, *others):
        assert "data" not in update["user"]
    for socket in (own, *others):
        assert len(socket.received("user:updated")) == 2
    stranger.flush()
    assert stranger.received("user:updated") == []
    # Messages, chats and typing have the new name.
    assert bob.get("/chats").json()["data"][0]["id"]
    chat_id = bob.direct_chat(alice)
    assert alice.send(chat_id, "hi")["sender"]["displayName"] == "Alice Ä."
    own.emit("typing:start", {"chatId": chat_id})
    assert others[0].wait_for("typing:start")["username"] == changes["username"]


def test_servers_change_profiles_too(alice: Person, bob: Person, connect: Connect, admin: Person) -> None:
    alice.direct_chat(bob)
    external_id = secrets.token_hex(6)
    data(admin.patch(f"/server/users/{alice.id}", {"externalId": external_id, "privateData": {"secret": 1}}))
    socket = connect(bob)
    user = {"externalId": external_id, "displayName": "Al", "email": None, "privateData": {"secret": 2}}
    data(admin.post("/server/users", {"users": [user]}))
    [update] = updates(socket)
    assert (update["user"]["displayName"], update["user"]["externalId"]) == ("Al", external_id)
    assert not {"email", "privateData", "role", "isActive"} & set(update["user"])
    # What other users do not see is no event.
    data(admin.patch(f"/server/users/{alice.id}", {"privateData": None, "role": "MODERATOR"}))
    data(admin.patch(f"/server/users/{alice.id}", {"displayName": None}))
    assert "displayName" not in updates(socket)[0]["user"]
    assert len(socket.received("user:updated")) == 2


@pytest.mark.parametrize(
    "body",
    [{"displayName": ""}, {"displayName": "x" * 81}, {"data": 1}, {"data": {"a": "x" * 4096}}, {"privateData": {}}],
)
def test_invalid_profiles_are_refused(alice: Person, body: dict[str, Any]) -> None:
    assert problem(alice.patch("/users/me", body)) == (422, "validation_error")


def test_only_servers_change_managed_profiles(managed: Server, engine: Engine) -> None:
    person = register(managed.url)
    make_admin(engine, person)
    bodies: list[dict[str, Any]] = [{"displayName": "X"}, {"data": {}}, {"username": "x_y_z"}, {"avatar": None}]
    for body in bodies:
        assert problem(person.patch("/users/me", body)) == (403, "profile_managed")
    refused = [
        person.request("PUT", "/users/me/avatar", files={"file": ("a.png", b"")}),
        person.delete("/users/me/avatar"),
    ]
    assert [problem(response) for response in refused] == [(403, "profile_managed")] * 2
    assert data(person.patch("/users/me", {}))["id"] == person.id
    assert data(person.patch(f"/server/users/{person.id}", {"displayName": "X"}))["displayName"] == "X"


def test_private_external_ids_are_seen_only_by_servers_and_oneself(
    managed: Server, engine: Engine, connect: Connect
) -> None:
    admin, alice, bob = (register(managed.url) for _ in range(3))
    make_admin(engine, admin)
    for person in (alice, bob):
        fields = {"externalId": f"private-{secrets.token_hex(6)}", "data": {"externalId": "of the app"}}
        data(admin.patch(f"/server/users/{person.id}", fields))
    socket = connect(bob)
    group_id = data(alice.post("/chats/groups", {"name": "Group", "memberIds": [bob.id]}))["id"]
    group, new_group = data(bob.get(f"/chats/{group_id}")), socket.wait_for("chat:new")
    alice.send(bob.direct_chat(alice), "hi")
    data(admin.patch(f"/server/users/{alice.id}", {"displayName": "Alice"}))
    chats, update, me = data(bob.get("/chats")), socket.wait_for("user:updated"), data(bob.get("/users/me"))
    seen = [group, new_group, chats, update, me, data(bob.get("/users/search", q=alice.name))]
    seen += [data(bob.get(f"/users/{alice.name}")), socket.call("sync", {"chats": {}})]
    assert [ids_in(each, alice.id) for each in seen] == [set()] * len(seen)
    assert ids_in(group, bob.id) == ids_in(me, bob.id) == {me["externalId"]}
    # Events have the same bytes for all.
    assert ids_in(new_group, bob.id) == set()
    assert chats[0]["peer"]["data"] == {"externalId": "of the app"}
    assert [user["id"] for user in data(admin.get("/server/users", externalId=[me["externalId"]]))] == [bob.id]


def ids_in(value: Any, user_id: str) -> set[str]:
    """The external ids of a user anywhere in an object."""
    if isinstance(value, list):
        return {found for each in value for found in ids_in(each, user_id)}
    if not isinstance(value, dict):
        return set()
    own = {value["externalId"]} if value.get("id") == user_id and "externalId" in value else set()
    return own | {found for each in value.values() for found in ids_in(each, user_id)}
