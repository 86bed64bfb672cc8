"""Messages over sockets."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Connect, NewPerson, both_clients
from tests.fuzz.raw_clients import RawWebSocket, event, frame
from tests.people import Person, data

PRIVATE = {"status"}


@both_clients
def test_a_message_reaches_every_socket_of_both(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    sender, *others = [connect(alice), connect(alice), connect(bob), connect(bob)]
    sent = sender.call("message:send", {"chatId": chat, "content": "Hello"})["data"]
    everywhere = [socket.wait_for("message:new") for socket in (sender, *others)]
    assert all(message == everywhere[0] for message in everywhere)
    assert everywhere[0] == {name: value for name, value in sent.items() if name not in PRIVATE}


def test_message_and_ack_are_sent_in_one_write(alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    with RawWebSocket(alice.url) as socket:
        socket.join(alice.token).flush()
        socket.write(frame(event("message:send", {"chatId": chat, "content": "Hello"}, ack="7")))
        # Data of one write is received by one read.
        received = socket.connection.recv(65536)
        assert received.count(b'42/chat,["message:new"') == received.count(b'43/chat,7[{"ok":true') == 1


def test_a_message_sent_over_rest_reaches_sockets_too(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    socket = connect(bob)
    sent = alice.send(chat, "Hello")
    assert socket.wait_for("message:new")["id"] == sent["id"]


def test_messages_are_emitted_only_to_members(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    outsider = connect(carol)
    alice.send(chat, "secret")
    outsider.flush()
    assert outsider.received("message:new") == []


def test_new_chat_and_its_messages_are_emitted(alice: Person, bob: Person, connect: Connect) -> None:
    socket = connect(bob)
    chat = alice.direct_chat(bob)
    event = socket.wait_for("chat:new")
    assert event["id"] == chat
    assert {member["userId"] for member in event["members"]} == {alice.id, bob.id}
    assert not {"unreadCount", "peer"} & set(event)
    alice.send(chat, "Hello")
    assert socket.wait_for("message:new")["chatId"] == chat


@both_clients
def test_sends_of_one_socket_keep_their_order(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    sender, reader = connect(alice), connect(bob)
    for number in range(50):
        sender.emit("message:send", {"chatId": chat, "content": str(number)})
    assert [reader.wait_for("message:new")["content"] for _ in range(50)] == [str(n) for n in range(50)]


def test_all_members_get_messages_in_seq_order(
    alice: Person, bob: Person, connect: Connect, register_person: NewPerson
) -> None:
    chat = alice.direct_chat(bob)
    readers = [connect(alice), connect(bob)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: (alice, bob)[n % 2].send(chat, str(n)), range(30)))
    for reader in readers:
        assert [reader.wait_for("message:new")["seq"] for _ in range(30)] == list(range(1, 31))


def test_history_matches_emitted_messages(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    one, other = connect(alice), connect(bob)
    for number in range(3):
        for socket in (one, other):
            assert socket.call("message:send", {"chatId": chat, "content": f"{number}"})["ok"]
    history = data(bob.get(f"/messages/{chat}"))
    assert [message["seq"] for message in history] == [6, 5, 4, 3, 2, 1]
    assert [message["senderId"] for message in history[:2]] == [bob.id, alice.id]


@both_clients
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_many_sends_at_once_are_all_stored(alice: Person, bob: Person, connect: Connect, transport: str) -> None:
    chat = alice.direct_chat(bob)
    socket = connect(alice, transports=[transport])
    for number in range(200):
        socket.emit("message:send", {"chatId": chat, "content": str(number)})
    socket.flush()
    assert data(alice.get(f"/chats/{chat}"))["lastSeq"] == 200
