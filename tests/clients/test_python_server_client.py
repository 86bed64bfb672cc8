"""The Python package for backends: keys, users, tokens, chats and messages, with an API key."""

import re
import secrets
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import requests
from chatapp_client import ChatClient, Conflict, Forbidden, NotFound, Unauthorized, UserClient
from chatapp_client.types import Device, NamedUser

from tests.clients.test_python_client import PYTHON
from tests.conftest import NewKey
from tests.files import samples
from tests.people import Backend, Person
from tests.server import Server


def test_keys_are_created_rotated_and_revoked(server: Server, new_key: NewKey) -> None:
    with ChatClient(server.url, new_key("keys", "users").key) as chat:
        key = chat.keys.create(name="reports", scopes=["users"])
        assert key["secret"].startswith("csk_")
        assert chat.keys.update(key["id"], name="exports")["name"] == "exports"
        rotated = chat.keys.rotate(key["id"], overlap="0s")
        assert rotated["secret"] != key["secret"]
        assert "exports" in [each["name"] for each in chat.keys.list()]
        chat.keys.revoke(key["id"])
        with ChatClient(server.url, rotated["secret"]) as revoked, pytest.raises(Unauthorized) as raised:
            list(revoked.keys.list())
        assert raised.value.code == "key_invalid"


def test_calls_as_a_user_are_their_own(server: Server, new_key: NewKey, alice: Person, bob: Person) -> None:
    with ChatClient(server.url, new_key("act", "audit:read").key) as chat:
        mallory = chat.act_as(alice.id)
        assert mallory.me()["id"] == alice.id
        direct = mallory.create_direct_chat(bob.id)
        assert mallory.send(direct["id"], "Hello")["senderId"] == alice.id
        with chat.act_as(bob.id) as other:
            assert [each["content"] for each in other.messages(direct["id"])] == ["Hello"]
        # Closing one does not close the shared connections.
        assert mallory.me()["id"] == alice.id
        with pytest.raises(Forbidden) as raised:
            next(chat.keys.list())
        assert (raised.value.code, list(raised.value.errors)) == ("scope_missing", ["scope"])


def test_a_key_that_acts_as_one_user(server: Server, new_key: NewKey, alice: Person) -> None:
    with UserClient(server.url, key=new_key(acts_as=alice.id).key) as client:
        assert client.me()["id"] == alice.id


def test_users_are_created_changed_and_deactivated(server: Server, backend: Backend) -> None:
    mark = secrets.token_hex(4)
    with ChatClient(server.url, backend.key) as chat:
        user = chat.users.put(f"{mark}-ä", displayName="Zoë", data={"team": 7})
        assert user["externalId"] == f"{mark}-ä"
        assert user.get("data") == {"team": 7}
        reference = f"ext:{mark}-ä"
        assert chat.users.put(f"{mark}-ä", displayName=None).get("displayName") is None
        assert chat.users.update(reference, privateData={"plan": "gold"}).get("privateData") == {"plan": "gold"}
        assert chat.users.get(reference)["id"] == user["id"]

        many = [NamedUser(externalId=f"{mark}-{number}", displayName="Many") for number in range(150)]
        assert chat.users.put_many(many) == {"created": 150, "updated": 0, "unchanged": 0}
        assert chat.users.put_many(many) == {"created": 0, "updated": 0, "unchanged": 150}
        ids = [each["externalId"] for each in many]
        found = chat.users.lookup([*ids, "unknown"])
        assert set(found) == set(ids)
        listed = [each.get("externalId") for each in chat.users.list(is_active=True)]
        assert set(ids) <= set(listed)
        assert len(chat.users.unread([f"ext:{each}" for each in ids])) == 150
        assert {each["isOnline"] for each in chat.users.presence([f"ext:{each}" for each in ids])} == {False}

        assert (chat.users.set_avatar(reference, "a.png", samples.image("PNG"))["avatar"] or "").endswith(".webp")
        assert chat.users.delete_avatar(reference)["avatar"] is None
        chat.users.deactivate(reference)
        assert not chat.users.get(reference)["isActive"]
        chat.users.reactivate(reference)
        assert chat.users.sessions(reference) == []
        chat.users.end_sessions(reference)
        chat.users.revoke_tokens(reference, before=datetime.now(UTC))
        with pytest.raises(ValueError, match="time zone"):
            chat.users.revoke_tokens(reference, before=datetime.now())
        job = chat.jobs.wait(chat.users.delete(reference, messages="erase"))
        assert (job["type"], job["status"]) == ("user_erasure", "done")
        with pytest.raises(NotFound):
            chat.users.get(reference)
        with pytest.raises(Conflict) as raised:
            chat.users.put(ids[0], username=found[ids[1]]["username"])
        assert raised.value.code == "username_taken"


def test_tokens_open_a_session_for_a_device(server: Server, backend: Backend) -> None:
    mark = secrets.token_hex(4)
    with ChatClient(server.url, backend.key) as chat:
        device: Device = {"id": mark, "name": "Phone"}
        first = chat.tokens.create(user={"externalId": mark, "displayName": "Mallory"}, device=device)
        assert (first["user"].get("displayName"), first["user"]["email"]) == ("Mallory", None)
        with UserClient(server.url, tokens=lambda: chat.tokens.create(userId=f"ext:{mark}", device=device)) as client:
            assert client.me()["id"] == first["user"]["id"]
            # The new session of the device replaced the first one.
            assert [each.get("device") for each in chat.users.sessions(f"ext:{mark}")] == [device]
        short = chat.tokens.create(userId=f"ext:{mark}", refresh=False, lifetime="1m")
        assert (short["refreshToken"], short["expiresIn"]) == (None, 60)


def test_sessions_of_a_user_are_listed_and_ended(server: Server, backend: Backend, alice: Person) -> None:
    with ChatClient(server.url, backend.key) as chat:
        (session,) = chat.users.sessions(alice.id)
        chat.users.end_session(alice.id, session["id"])
        assert chat.users.sessions(alice.id) == []
        assert chat.capabilities()["contract"] == "1.1"


def test_chats_and_messages_of_an_app(server: Server, backend: Backend, alice: Person, bob: Person) -> None:
    mark = secrets.token_hex(4)
    with ChatClient(server.url, backend.key) as chat:
        chat.users.put_many([NamedUser(externalId=f"{mark}-{number}") for number in range(3)])
        nia, moe, lou = (f"ext:{mark}-{number}" for number in range(3))
        order = chat.chats.put(f"{mark}-order", name="Order", memberIds=[nia, moe], data={"total": 5})
        assert (order["memberCount"], order.get("externalId")) == (2, f"{mark}-order")
        reference = f"ext:{mark}-order"
        assert chat.chats.put(f"{mark}-order", memberIds=[moe], exactly=True)["memberCount"] == 1
        assert chat.chats.update(reference, description="Urgent")["description"] == "Urgent"
        assert len(chat.chats.add_members(reference, [nia, lou], role="ADMIN")) == 2
        assert chat.chats.set_member_role(reference, lou, "MEMBER")["role"] == "MEMBER"
        chat.chats.remove_member(reference, lou)
        assert {member["user"].get("externalId") for member in chat.chats.get(reference)["members"]} == {
            f"{mark}-0",
            f"{mark}-1",
        }
        assert [each["id"] for each in chat.chats.list(user=nia)] == [order["id"]]
        assert order["id"] not in [
            each["id"] for each in chat.chats.list(updated_after=datetime.now(UTC) + timedelta(hours=1))
        ]

        assert (chat.chats.set_avatar(reference, "a.png", samples.image("PNG"))["avatar"] or "").endswith(".webp")
        assert chat.chats.delete_avatar(reference)["avatar"] is None

        shipped = chat.messages.send(reference, "Shipped.", system={"event": "shipped"})
        assert (shipped["type"], shipped.get("system")) == ("SYSTEM", {"event": "shipped"})
        id = str(uuid.uuid4())
        first = chat.messages.send(reference, "Thanks!", senderId=nia, clientId=id)
        assert chat.messages.send(reference, "Thanks!", senderId=nia, clientId=id)["id"] == first["id"]
        assert chat.messages.edit(first["id"], "Thank you!")["isEdited"]
        chat.messages.delete(shipped["id"])
        assert [each["content"] for each in chat.messages.list(reference)] == ["Thank you!", None]
        assert len(list(chat.messages.list(reference, after=0))) == 2

        direct = chat.chats.direct(nia, moe)
        assert chat.chats.direct(moe, nia)["id"] == direct["id"]
        chat.chats.delete(reference)
        with pytest.raises(NotFound):
            chat.chats.get(reference)


def test_reports_are_listed_and_closed(server: Server, new_key: NewKey, alice: Person, bob: Person) -> None:
    created = alice.post("/reports", {"userId": bob.id, "reason": "spam"}).json()["data"]
    with ChatClient(server.url, new_key("moderation").key) as chat:
        found = next(each for each in chat.reports.list(status="open", expand="target") if each["id"] == created["id"])
        assert found["target"].get("user", {}).get("id") == bob.id
        closed = chat.reports.update(found["id"], status="done", note="Warned")
        assert (closed["status"], closed.get("note")) == ("done", "Warned")


PATH = re.compile(r"""f?"(/[a-z][^"?]*)"(?!")""")
# Operations of browsers and apps, and of administrators' pages.
NOT_CALLED = {"/admin/users", "/admin/users/{}", "/admin/state", "/admin/jobs"}
# Operations that only users have; a backend that acts as one sends the request itself.
NOT_CALLED |= {
    "/chats/{}/clear",
    "/chats/{}/draft",
    "/chats/{}/files",
    "/chats/{}/me",
    "/chats/{}/messages/{}",
    "/chats/{}/pins",
    "/chats/{}/signal",
    "/messages/forward",
    "/messages/hide",
    "/messages/{}/pin",
    "/messages/{}/reactions",
    "/messages/{}/reactions/{}",
    "/messages/{}/versions",
    "/reports",
    "/users/me/blocks",
    "/users/me/blocks/{}",
    "/users/me/mentions",
    "/users/me/settings",
    "/users/me/unread",
}


def called() -> set[str]:
    """The paths that the package calls."""
    texts = "".join(module.read_text() for module in (PYTHON / "src" / "chatapp_client" / "_sync").glob("*.py"))
    return {re.sub(r"\{[^}]*\}", "{}", path) for path in PATH.findall(texts)}


def test_all_operations_of_servers_have_a_method(server: Server) -> None:
    documented = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()["paths"]
    paths = {
        re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1")) for path in documented if path.startswith("/api/v1")
    }
    assert called() <= paths
    assert {path for path in paths - called() if not path.startswith("/auth")} <= NOT_CALLED
