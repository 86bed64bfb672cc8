"""Events of settings and blocks, and which events they keep from others."""

from typing import Any

import pytest

from tests.conftest import Connect, NewKey
from tests.people import Person, data
from tests.realtime.test_presence import about, typed
from tests.rest.test_blocks import block, unblock
from tests.rest.test_my_settings import DEFAULTS, change
from tests.socket_clients import SocketClient


def types(socket: SocketClient, chat_id: str, name: str = "typing:start") -> None:
    assert socket.call(name, {"chatId": chat_id}) == {"ok": True, "data": None}


def events_about(socket: SocketClient, person: Person) -> list[str]:
    """The names of the events about the presence, the typing and the profile of a user that a socket got."""
    socket.flush()
    return [
        name
        for name, payload in socket.received()
        if name.startswith(("typing:", "user:"))
        and person.id in (payload.get("userId"), payload.get("user", {}).get("id"))
    ]


def test_changes_go_to_all_sockets_of_the_user_only(alice: Person, bob: Person, connect: Connect) -> None:
    alice.direct_chat(bob)
    own, other = [connect(alice), connect(alice)], connect(bob)
    change(alice, typing=False)
    change(alice, typing=False)
    block(alice, bob)
    block(alice, bob)
    unblock(alice, bob)
    unblock(alice, bob)
    for socket in own:
        assert socket.wait_for("me:settings") == DEFAULTS | {"typing": False, "meRev": 1}
        first, second = (socket.wait_for("me:blocked") for _ in range(2))
        assert first == {"userId": bob.id, "isBlocked": True, "meRev": 2}
        assert second == {"userId": bob.id, "isBlocked": False, "meRev": 3}
        socket.flush()
        names = [name for name, _ in socket.received() if name.startswith("me:")]
        assert names == ["me:settings", "me:blocked", "me:blocked"]
    other.flush()
    assert [name for name, _ in other.received() if name != "user:online"] == []


def test_hidden_typing_is_not_emitted(alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = alice.direct_chat(bob)
    one, other = connect(alice), connect(bob)
    types(one, chat_id)
    other.wait_for("typing:start")
    change(alice, typing=False)
    # What others still see ends.
    assert other.wait_for("typing:stop") == typed(chat_id, alice)
    types(one, chat_id)
    types(one, chat_id, "typing:stop")
    late = connect(alice)
    types(late, chat_id)
    assert events_about(other, alice).count("typing:start") == 1
    # The setting is about what others see: alice sees others type.
    types(other, chat_id)
    assert one.wait_for("typing:start")["userId"] == bob.id
    change(alice, typing=True)
    types(one, chat_id)
    other.wait_for("typing:start")


def test_hidden_presence_looks_offline(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat_id = alice.group(bob, carol)
    watcher = connect(bob)
    socket = connect(alice)
    watcher.wait_for("user:online", lambda payload: payload == about(alice))
    change(alice, lastSeen="nobody")
    assert watcher.wait_for("user:offline") == about(alice) | {"lastSeen": None}
    # Also in new chats, on other sockets, and when she leaves.
    second = connect(alice)
    socket.disconnect()
    second.disconnect()
    third = connect(alice)
    carol.post("/chats/groups", {"name": "New", "memberIds": [alice.id, bob.id]})
    new = watcher.wait_for("chat:new")
    assert not any(member["user"]["isOnline"] for member in new["members"])
    assert events_about(watcher, alice) == ["user:online", "user:offline"]
    members = {each["userId"]: each["user"] for each in data(bob.get(f"/chats/{chat_id}/members"))}
    assert (members[alice.id]["isOnline"], members[alice.id]["lastSeen"]) == (False, None)
    change(alice, lastSeen="contacts")
    assert watcher.wait_for("user:online", lambda payload: payload == about(alice)) == about(alice)
    assert third.connected


def test_users_who_hide_their_presence_see_none(alice: Person, bob: Person, connect: Connect) -> None:
    alice.direct_chat(bob)
    change(alice, lastSeen="nobody")
    watcher = connect(alice)
    socket = connect(bob)
    socket.flush()
    alice.group(bob)
    watcher.wait_for("chat:new")
    socket.disconnect()
    connect(bob)
    assert events_about(watcher, bob) == []


def test_read_receipts_are_exchanged_or_not(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat_id = alice.group(bob, carol)
    sockets = {person.id: connect(person) for person in (alice, bob, carol)}
    change(bob, readReceipts=False)
    alice.send(chat_id, "Hello")
    for person in (bob, carol):
        person.post(f"/messages/{chat_id}/read", {})
    sockets[alice.id].wait_for("messages:read", lambda payload: payload["userId"] == carol.id)
    for socket in sockets.values():
        socket.flush()
    seen = {
        id: {payload["userId"] for _, payload in socket.received("messages:read")} for id, socket in sockets.items()
    }
    assert seen == {alice.id: {carol.id}, bob.id: {bob.id}, carol.id: {carol.id}}


@pytest.mark.parametrize("blocker", ["alice", "bob"])
def test_a_block_keeps_events_from_both(
    alice: Person, bob: Person, carol: Person, connect: Connect, blocker: str
) -> None:
    chat_id = alice.group(bob, carol)
    one, other, third = connect(alice), connect(bob), connect(carol)
    people = {"alice": (alice, bob), "bob": (bob, alice)}
    block(*people[blocker])
    before = {"one": len(events_about(one, bob)), "other": len(events_about(other, alice))}
    types(one, chat_id)
    third.wait_for("typing:start", lambda payload: payload["userId"] == alice.id)
    types(other, chat_id)
    third.wait_for("typing:start", lambda payload: payload["userId"] == bob.id)
    for person in (alice, bob):
        person.patch("/users/me", {"displayName": "New"})
        third.wait_for("user:updated", lambda payload, id=person.id: payload["user"]["id"] == id)  # type: ignore[misc]
    # Sockets that connect later, and new chats.
    late_one, late_other = connect(alice), connect(bob)
    carol.post("/chats/groups", {"name": "New", "memberIds": [alice.id, bob.id]})
    for socket in (one, other, late_one, late_other):
        socket.wait_for("chat:new")
    assert len(events_about(one, bob)) == before["one"]
    assert len(events_about(other, alice)) == before["other"]
    assert events_about(late_one, bob) == events_about(late_other, alice) == []
    # Their own profile, and messages in groups, still arrive.
    assert {"user:updated"} <= set(events_about(one, alice))
    bob.send(chat_id, "Hello")
    one.wait_for("message:new")
    unblock(*people[blocker])
    types(one, chat_id)
    other.wait_for("typing:start", lambda payload: payload["userId"] == alice.id)


def test_a_removed_block_leaves_the_other_one(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat_id = alice.group(bob, carol)
    one, other, third = connect(alice), connect(bob), connect(carol)
    block(alice, bob)
    block(bob, alice)
    unblock(alice, bob)
    types(one, chat_id)
    third.wait_for("typing:start")
    assert "typing:start" not in events_about(other, alice)


def test_system_messages_arrive_in_a_closed_chat(alice: Person, bob: Person, connect: Connect, new_key: NewKey) -> None:
    chat_id = alice.direct_chat(bob)
    block(alice, bob)
    sockets = [connect(alice), connect(bob)]
    assert new_key("messages").post(f"/server/chats/{chat_id}/messages", {"content": "Notice"}).ok
    for socket in sockets:
        assert socket.wait_for("message:new")["content"] == "Notice"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("message:send", {"content": "x"}),
        ("message:edit", {"content": "y"}),
        ("message:react", {"emoji": "👍", "on": True}),
        ("signal", {"name": "x"}),
    ],
)
def test_socket_events_have_the_same_errors(
    alice: Person, bob: Person, connect: Connect, name: str, fields: dict[str, Any]
) -> None:
    chat_id = alice.direct_chat(bob)
    codes = {}
    messages = {person.id: person.send(chat_id, "x")["id"] for person in (alice, bob)}
    block(alice, bob)
    for person in (alice, bob):
        target = (
            {"messageId": messages[person.id]} if name in ("message:edit", "message:react") else {"chatId": chat_id}
        )
        error = connect(person).call(name, target | fields)["error"]
        codes[person.id] = (error["status"], error["code"])
    assert codes == {alice.id: (403, "you_blocked"), bob.id: (403, "cannot_send")}
