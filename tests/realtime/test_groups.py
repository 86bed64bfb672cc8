"""Membership changes while sockets are open."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.conftest import Connect
from tests.people import Person, data


@pytest.fixture
def group(alice: Person, bob: Person) -> str:
    """A group of alice, its ADMIN, and bob."""
    return str(data(alice.post("/chats/groups", {"name": "Friends", "memberIds": [bob.id]}))["id"])


def members(chat: dict[str, Any]) -> set[str]:
    return {member["userId"] for member in chat["members"]}


def test_added_member_is_subscribed_at_once(
    alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    one, new = connect(bob), connect(carol)
    added = data(alice.post(f"/chats/{group}/members", {"userId": carol.id}))
    event = new.wait_for("chat:new")
    assert (event["id"], members(event)) == (group, {alice.id, bob.id, carol.id})
    added["user"] |= {"isOnline": False, "lastSeen": None}
    for socket in (one, new):
        assert socket.wait_for("chat:member_joined") == {"chatId": group, "member": added, "rev": 2}
    sent = alice.send(group, "welcome")
    assert new.wait_for("message:new")["id"] == sent["id"]


@pytest.mark.parametrize("how", ["removed", "left"])
def test_removed_member_is_informed_and_unsubscribed(
    alice: Person, bob: Person, group: str, connect: Connect, how: str
) -> None:
    stays, goes = connect(alice), connect(bob)
    if how == "removed":
        assert alice.delete(f"/chats/{group}/members/{bob.id}").status_code == 204
    else:
        assert bob.delete(f"/chats/{group}/leave").status_code == 204
    alice.send(group, "without bob")
    for socket in (stays, goes):
        assert socket.wait_for("chat:member_left") == {"chatId": group, "userId": bob.id, "rev": 2}
    stays.wait_for("message:new")
    goes.flush()
    assert goes.received("message:new") == []
    assert len(goes.received("chat:member_left")) == 1


def test_no_event_after_the_204_of_a_removal_during_many_sends(
    alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    alice.post(f"/chats/{group}/members", {"userId": carol.id})
    sender, goes = connect(carol), connect(bob)
    for _ in range(5):
        with ThreadPoolExecutor(1) as pool:
            storm = pool.submit(
                lambda: [sender.emit("message:send", {"chatId": group, "content": "x"}) for _ in range(100)]
            )
            goes.wait_for("message:new")
            assert alice.delete(f"/chats/{group}/members/{bob.id}").status_code == 204
            last_rev = data(alice.get(f"/chats/{group}"))["lastRev"]
            storm.result()
        sender.flush()
        goes.flush()
        revs = [payload["rev"] for _, payload in goes.received("message:new")]
        assert max(revs) < last_rev
        events = [name for name, _ in goes.received() if name in ("message:new", "chat:member_left")]
        assert events[-1] == "chat:member_left"
        assert alice.post(f"/chats/{group}/members", {"userId": bob.id}).status_code == 201
        goes.wait_for("chat:new")


def test_group_changes_are_emitted_to_members(alice: Person, bob: Person, group: str, connect: Connect) -> None:
    socket = connect(bob)
    alice.patch(f"/chats/{group}", {"name": "Others"})
    event = socket.wait_for("chat:updated")
    assert (event["name"], event["memberCount"], event["rev"], event["lastRev"]) == ("Others", 2, 2, 2)
    promoted = data(alice.patch(f"/chats/{group}/members/{bob.id}/role", {"role": "ADMIN"}))
    promoted["user"] |= {"isOnline": False, "lastSeen": None}
    assert socket.wait_for("chat:member_updated") == {"chatId": group, "member": promoted, "rev": 3}
    alice.delete(f"/chats/{group}")
    assert socket.wait_for("chat:deleted") == {"chatId": group}


def test_promotion_of_a_successor_is_emitted(alice: Person, bob: Person, group: str, connect: Connect) -> None:
    socket = connect(bob)
    alice.delete(f"/chats/{group}/leave")
    assert socket.wait_for("chat:member_left")["userId"] == alice.id
    assert socket.wait_for("chat:member_updated")["member"]["role"] == "ADMIN"


def test_all_events_of_a_chat_come_in_the_order_of_its_changes(
    alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    socket = connect(bob)
    with ThreadPoolExecutor(6) as pool:
        sends = [pool.submit(person.send, group, str(n)) for n in range(20) for person in (alice, bob)]
        addition = pool.submit(alice.post, f"/chats/{group}/members", {"userId": carol.id})
        assert [send.result()["chatId"] for send in sends] == [group] * 40
        assert addition.result().status_code == 201
    edited = data(alice.get(f"/messages/{group}"))[0]
    (alice if edited["senderId"] == alice.id else bob).patch(f"/messages/{edited['id']}", {"content": "edited"})
    socket.wait_for("message:edited")
    seen = [payload["seq"] for name, payload in socket.received() if name == "message:new"]
    assert seen == list(range(1, 41))
    revs = [payload["rev"] for name, payload in socket.received() if name.startswith("message:")]
    assert revs == sorted(revs)


def test_removal_with_a_lost_event_is_enforced(
    engine: Engine, alice: Person, bob: Person, carol: Person, group: str, connect: Connect
) -> None:
    """A worker that is killed right after its commit emits nothing: the next change reveals the missing one."""
    alice.post(f"/chats/{group}/members", {"userId": carol.id})
    socket, other = connect(bob), connect(carol)
    gone = {"chat_id": group, "user_id": bob.id}
    with engine.begin() as db:
        db.execute(text("DELETE FROM members WHERE chat_id = :chat_id AND user_id = :user_id"), gone)
        db.execute(
            text("UPDATE chats SET last_rev = last_rev + 1, member_count = member_count - 1 WHERE id = :chat_id"), gone
        )
    sent = [alice.send(group, "not for bob")["id"] for _ in range(3)]
    for id in sent:
        assert other.wait_for("message:new")["id"] == id
    left = socket.wait_for("chat:member_left")
    assert (left["chatId"], left["userId"]) == (group, bob.id)
    socket.flush()
    assert socket.received("message:new") == []
