"""Presence and typing."""

import time

from tests.conftest import Connect, NewPerson
from tests.people import Person, data
from tests.waiting import eventually


def about(person: Person) -> dict[str, str]:
    return {"userId": person.id}


def typed(chat: str, person: Person) -> dict[str, str]:
    return {"chatId": chat, "userId": person.id}


def test_presence_is_emitted_to_users_who_share_a_chat(
    alice: Person, bob: Person, carol: Person, connect: Connect
) -> None:
    alice.direct_chat(bob)
    watcher, outsider = connect(alice), connect(carol)
    socket = connect(bob)
    assert watcher.wait_for("user:online") == about(bob)
    assert data(alice.get(f"/users/{bob.name}"))["isOnline"] is True
    socket.disconnect()
    gone = watcher.wait_for("user:offline")
    assert gone["userId"] == bob.id
    user = data(alice.get(f"/users/{bob.name}"))
    assert (user["isOnline"], user["lastSeen"]) == (False, gone["lastSeen"])
    outsider.flush()
    assert outsider.received("user:online") == outsider.received("user:offline") == []


def test_only_the_first_and_last_device_change_presence(alice: Person, bob: Person, connect: Connect) -> None:
    alice.direct_chat(bob)
    watcher = connect(alice)
    devices = [connect(bob) for _ in range(3)]
    watcher.wait_for("user:online")
    for device in devices:
        device.disconnect()
    watcher.wait_for("user:offline")
    names = [name for name, payload in watcher.received() if payload.get("userId") == bob.id]
    assert names == ["user:online", "user:offline"]


def test_quick_reconnect_does_not_change_presence(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    watcher = connect(alice)
    first = connect(bob)
    watcher.wait_for("user:online")
    first.disconnect()
    second = connect(bob)
    second.call("message:send", {"chatId": chat, "content": "back"})
    watcher.wait_for("message:new")
    second.disconnect()
    watcher.wait_for("user:offline")
    assert len(watcher.received("user:online")) == len(watcher.received("user:offline")) == 1


def test_a_user_is_shown_as_offline_no_earlier_than_events_say_so(alice: Person, bob: Person, connect: Connect) -> None:
    alice.direct_chat(bob)
    watcher = connect(alice)
    first = connect(bob)
    watcher.wait_for("user:online")
    first.disconnect()
    eventually(lambda: not data(alice.get(f"/users/{bob.name}"))["isOnline"], 20)
    connect(bob)
    watcher.wait_for("user:online")
    assert [name for name, payload in watcher.received() if payload == about(bob)][-1] == "user:online"
    assert data(alice.get(f"/users/{bob.name}"))["isOnline"] is True


def test_presence_is_emitted_once_for_several_shared_chats(alice: Person, bob: Person, connect: Connect) -> None:
    alice.direct_chat(bob)
    for number in range(3):
        alice.post("/chats/groups", {"name": str(number), "memberIds": [bob.id]})
    watcher = connect(alice)
    socket = connect(bob)
    watcher.wait_for("user:online")
    socket.disconnect()
    watcher.wait_for("user:offline")
    assert len(watcher.received("user:online")) == len(watcher.received("user:offline")) == 1


def test_typing_is_emitted_to_other_members(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    one, other, outsider = connect(alice), connect(bob), connect(carol)
    assert one.call("typing:start", {"chatId": chat}) == {"ok": True, "data": None}
    assert other.wait_for("typing:start") == typed(chat, alice) | {"username": alice.name}
    one.call("typing:stop", {"chatId": chat})
    assert other.wait_for("typing:stop") == typed(chat, alice)
    for socket in (one, outsider):
        socket.flush()
        assert socket.received("typing:start") == socket.received("typing:stop") == []


def test_typing_ends_by_itself_after_six_seconds(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    one, other = connect(alice), connect(bob)
    began = time.monotonic()
    one.call("typing:start", {"chatId": chat})
    other.wait_for("typing:start")
    assert other.wait_for("typing:stop") == typed(chat, alice)
    assert 5 < time.monotonic() - began < 10


def test_typing_ends_with_the_socket(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    one, other = connect(alice), connect(bob)
    # Of the same session: typing belongs to the socket.
    silent = connect(alice)
    one.call("typing:start", {"chatId": chat})
    other.wait_for("typing:start")
    one.disconnect()
    assert other.wait_for("typing:stop", timeout=3) == typed(chat, alice)
    assert silent.connected


def test_typing_lasts_until_the_last_socket_closes(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    sockets, other = [connect(alice), connect(alice)], connect(bob)
    for socket in sockets:
        socket.call("typing:start", {"chatId": chat})
        other.wait_for("typing:start")
        socket.disconnect()
        assert other.wait_for("typing:stop", timeout=3) == typed(chat, alice)
    for socket in (sockets := [connect(alice), connect(alice)]):
        socket.call("typing:start", {"chatId": chat})
    sockets[0].disconnect()
    sockets[1].call("message:send", {"chatId": chat, "content": "done"})
    other.wait_for("message:new")
    # One for each of the two earlier ones, and one for the message that ends this one.
    other.wait_for("typing:stop", timeout=3)
    assert len(other.received("typing:stop")) == 3


def test_typing_stop_is_emitted_without_typing_start(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    one, other = connect(alice), connect(bob)
    assert one.call("typing:stop", {"chatId": chat}) == {"ok": True, "data": None}
    assert other.wait_for("typing:stop", timeout=3) == typed(chat, alice)


def test_a_message_ends_typing(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    one, other = connect(alice), connect(bob)
    one.call("typing:start", {"chatId": chat})
    one.call("message:send", {"chatId": chat, "content": "x"})
    other.wait_for("typing:stop", timeout=3)


def test_outsiders_can_not_type(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    other, outsider = connect(bob), connect(carol)
    for event in ("typing:start", "typing:stop"):
        assert outsider.call(event, {"chatId": chat})["error"]["code"] == "not_found"
    other.flush()
    assert other.received("typing:start") == []


def test_removed_member_can_not_type(alice: Person, bob: Person, connect: Connect) -> None:
    chat = data(alice.post("/chats/groups", {"name": "Work", "memberIds": [bob.id]}))["id"]
    other, removed = connect(alice), connect(bob)
    assert removed.call("typing:start", {"chatId": chat})["ok"]
    other.wait_for("typing:start")
    assert alice.delete(f"/chats/{chat}/members/{bob.id}").status_code == 204
    for event in ("typing:start", "typing:stop"):
        assert removed.call(event, {"chatId": chat})["error"]["code"] == "not_found"
    other.flush()
    assert len(other.received("typing:start")) == 1


def test_added_member_can_type_at_once(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat = data(alice.post("/chats/groups", {"name": "Work", "memberIds": [carol.id]}))["id"]
    added, other = connect(bob), connect(alice)
    assert alice.post(f"/chats/{chat}/members", {"userId": bob.id}).status_code == 201
    assert added.call("typing:start", {"chatId": chat})["ok"]
    assert other.wait_for("typing:start")["userId"] == bob.id


def test_socket_limit_is_off_without_rate_limits(alice: Person, connect: Connect) -> None:
    for _ in range(21):
        connect(alice, transports=["websocket"]).flush()


def test_a_group_of_strangers_sees_each_other(register_person: NewPerson, connect: Connect) -> None:
    people = [register_person(f"p{n}") for n in range(3)]
    people[0].post("/chats/groups", {"name": "x", "memberIds": [p.id for p in people[1:]]})
    watcher = connect(people[0])
    for person in people[1:]:
        connect(person)
    assert {watcher.wait_for("user:online")["userId"] for _ in range(2)} == {p.id for p in people[1:]}
