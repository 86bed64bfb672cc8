"""What a group announces of its changes, and the events of changes by servers."""

import uuid
from typing import Any

import pytest

from tests.conftest import Connect
from tests.people import Backend, Person, data
from tests.socket_clients import SocketClient

ALL = ["joined", "left", "renamed", "role"]


@pytest.fixture
def group(backend: Backend, alice: Person, bob: Person) -> str:
    """A group of alice, its ADMIN, and bob that announces all changes."""
    body = {"name": "Team", "announces": ALL, "adminIds": [alice.id], "memberIds": [bob.id]}
    chat = data(backend.put(f"/server/chats/{uuid.uuid4()}", body))
    assert chat["lastSeq"] == 0
    return str(chat["id"])


def announced(socket: SocketClient) -> tuple[str, dict[str, Any]]:
    message = socket.wait_for("message:new")
    assert message["type"] == "SYSTEM"
    return message["content"], message["system"]


def names_and_revs(socket: SocketClient) -> list[tuple[str, int]]:
    """The events of changes that were received, in order."""
    received = [(name, payload) for name, payload in socket.received() if name.startswith(("chat:", "message:"))]
    return [(name, payload.get("rev", payload.get("lastRev"))) for name, payload in received]


def test_changes_by_users_are_announced(
    alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    socket = connect(bob)
    by = {"byId": alice.id}
    alice.post(f"/chats/{group}/members", {"userId": carol.id})
    joined = {"event": "member.joined", "userId": carol.id, **by}
    assert announced(socket) == (f"{alice.name} added {carol.name}.", joined)
    alice.patch(f"/chats/{group}", {"name": "Crew"})
    renamed = {"event": "chat.renamed", "name": "Crew", **by}
    assert announced(socket) == (f"{alice.name} renamed the group to “Crew”.", renamed)
    alice.patch(f"/chats/{group}/members/{bob.id}/role", {"role": "ADMIN"})
    promoted = {"event": "member.role", "userId": bob.id, "role": "ADMIN", **by}
    assert announced(socket) == (f"{alice.name} made {bob.name} an admin.", promoted)
    alice.patch(f"/chats/{group}/members/{bob.id}/role", {"role": "MEMBER"})
    demoted = {"event": "member.role", "userId": bob.id, "role": "MEMBER", **by}
    assert announced(socket) == (f"{alice.name} removed {bob.name} as an admin.", demoted)
    alice.delete(f"/chats/{group}/members/{carol.id}")
    removed = {"event": "member.left", "userId": carol.id, **by}
    assert announced(socket) == (f"{alice.name} removed {carol.name}.", removed)
    alice.delete(f"/chats/{group}/leave")
    assert announced(socket) == (f"{alice.name} left.", {"event": "member.left", "userId": alice.id, **by})
    # The rule of succession did it, not a user.
    successor = {"event": "member.role", "userId": bob.id, "role": "ADMIN"}
    assert announced(socket) == (f"{bob.name} is now an admin.", successor)
    # Each announcement follows its change, and no number is missing.
    kinds = [
        "member_joined",
        "updated",
        "member_updated",
        "member_updated",
        "member_left",
        "member_left",
        "member_updated",
    ]
    expected = [name for kind in kinds for name in (f"chat:{kind}", "message:new")]
    assert names_and_revs(socket) == list(zip(expected, range(2, 16), strict=True))
    bob.delete(f"/chats/{group}/leave")


def test_changes_by_servers_have_no_author(
    backend: Backend, alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    socket, new = connect(bob), connect(carol)
    path = f"/server/chats/{group}"
    backend.patch(path, {"name": "Crew", "data": {"a": 1}})
    assert announced(socket) == ("The group is now called “Crew”.", {"event": "chat.renamed", "name": "Crew"})
    backend.post(f"{path}/members", {"userIds": [carol.id]})
    joined = (f"{carol.name} joined.", {"event": "member.joined", "userId": carol.id})
    assert announced(socket) == joined
    # The new member sees the group as it was before the announcement, and then that.
    chat = new.wait_for("chat:new")
    assert (chat["data"], chat["lastSeq"], chat["lastRev"]) == ({"a": 1}, 1, 4)
    assert announced(new) == joined
    assert data(carol.get(f"/chats/{group}"))["unreadCount"] == 1
    backend.patch(f"{path}/members/{carol.id}", {"role": "ADMIN"})
    promoted = {"event": "member.role", "userId": carol.id, "role": "ADMIN"}
    assert announced(socket) == (f"{carol.name} is now an admin.", promoted)
    backend.patch(f"{path}/members/{carol.id}", {"role": "MEMBER"})
    assert announced(socket)[0] == f"{carol.name} is no longer an admin."
    backend.delete(f"{path}/members/{carol.id}")
    assert announced(socket) == (f"{carol.name} left.", {"event": "member.left", "userId": carol.id})
    assert new.wait_for("chat:member_left")["userId"] == carol.id
    revs = [rev for _, rev in names_and_revs(socket)]
    assert revs == list(range(2, 12))


def test_only_what_is_named_is_announced(
    backend: Backend, alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    backend.patch(f"/server/chats/{group}", {"announces": ["left"]})
    socket = connect(bob)
    alice.post(f"/chats/{group}/members", {"userId": carol.id})
    alice.patch(f"/chats/{group}", {"name": "Crew"})
    carol.delete(f"/chats/{group}/leave")
    assert announced(socket)[1]["event"] == "member.left"
    backend.patch(f"/server/chats/{group}", {"announces": None})
    alice.delete(f"/chats/{group}/leave")
    socket.wait_for("chat:member_updated")
    socket.flush()
    assert len(socket.received("message:new")) == 1


def test_several_changes_at_once_are_events_of_their_own(
    backend: Backend, alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    id = data(backend.get(f"/server/chats/{group}"))["externalId"]
    stays, goes, comes = connect(alice), connect(bob), connect(carol)
    backend.put(f"/server/chats/{id}", {"name": "Crew", "adminIds": [alice.id, carol.id], "exactly": True})
    expected = ["chat:updated", "message:new", "chat:member_left", "message:new", "chat:member_joined", "message:new"]
    stays.wait_for("message:new", lambda message: message["system"]["event"] == "member.joined")
    assert names_and_revs(stays) == list(zip(expected, range(2, 8), strict=True))
    assert goes.wait_for("chat:member_left")["rev"] == 4
    assert comes.wait_for("chat:new")["lastRev"] == 6
    comes.wait_for("message:new")
    assert [name for name, _ in names_and_revs(comes)] == ["chat:new", "chat:member_joined", "message:new"]
    goes.flush()
    assert names_and_revs(goes)[-1] == ("chat:member_left", 4)


def test_unchanged_values_emit_nothing(backend: Backend, alice: Person, group: str, connect: Connect) -> None:
    socket = connect(alice)
    id = data(backend.get(f"/server/chats/{group}"))["externalId"]
    backend.put(f"/server/chats/{id}", {"name": "Team", "memberIds": [alice.id], "announces": list(reversed(ALL))})
    alice.patch(f"/chats/{group}", {"name": "Team"})
    backend.patch(f"/server/chats/{group}", {"data": {"a": 1}})
    event = socket.wait_for("chat:updated")
    assert (event["data"], event["rev"], "announces" in event) == ({"a": 1}, 2, False)
    socket.flush()
    assert names_and_revs(socket) == [("chat:updated", 2)]


def test_system_messages_are_emitted_to_members(
    backend: Backend, alice: Person, bob: Person, group: str, connect: Connect
) -> None:
    sockets = connect(alice), connect(bob)
    sent = data(backend.post(f"/server/chats/{group}/messages", {"content": "Shipped.", "system": {"event": "x"}}))
    sent.pop("status")
    for socket in sockets:
        assert socket.wait_for("message:new") == sent
    edited = data(backend.patch(f"/server/messages/{sent['id']}", {"content": "Delivered."}))
    event = sockets[0].wait_for("message:edited")
    assert (event["content"], event["system"], event["rev"]) == ("Delivered.", {"event": "x"}, edited["rev"])
    backend.delete(f"/server/messages/{sent['id']}")
    assert sockets[1].wait_for("message:deleted")["messageId"] == sent["id"]
