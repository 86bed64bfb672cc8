"""Receipts: a message is delivered once a socket has received it."""

from tests.conftest import Connect, NewPerson
from tests.people import Person, data


def test_a_message_to_a_live_socket_is_delivered(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    sender, reader = connect(alice), connect(bob)
    sent = sender.call("message:send", {"chatId": chat, "content": "x"})["data"]
    assert sent["status"] == "SENT"
    receipt = {"chatId": chat, "receipts": [{"userId": bob.id, "deliveredSeq": 1}]}
    for socket in (sender, reader):
        assert socket.wait_for("messages:delivered") == receipt
    assert data(alice.get(f"/messages/{chat}"))[0]["status"] == "DELIVERED"


def test_deliveries_are_emitted_in_batches(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    sender, _reader = connect(alice), connect(bob)
    for number in range(50):
        sender.emit("message:send", {"chatId": chat, "content": str(number)})
    sender.wait_for("messages:delivered", lambda event: event["receipts"][0]["deliveredSeq"] == 50)
    assert len(sender.received("messages:delivered")) < 25


def test_users_without_a_socket_have_no_deliveries(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    chat = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id, carol.id]}))["id"]
    sender, _reader = connect(alice), connect(bob)
    message = sender.call("message:send", {"chatId": chat, "content": "x"})["data"]
    receipts = sender.wait_for("messages:delivered")["receipts"]
    assert [receipt["userId"] for receipt in receipts] == [bob.id]
    statuses = {s["userId"]: s["status"] for s in data(alice.get(f"/messages/{message['id']}/statuses"))}
    assert statuses == {bob.id: "DELIVERED", carol.id: "SENT"}


def test_fetch_over_rest_emits_receipts(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    socket = connect(alice)
    alice.send(chat, "x")
    bob.get(f"/messages/{chat}")
    assert socket.wait_for("messages:delivered") == {
        "chatId": chat,
        "receipts": [{"userId": bob.id, "deliveredSeq": 1}],
    }
    bob.get(f"/messages/{chat}")
    socket.flush()
    assert len(socket.received("messages:delivered")) == 1


def test_read_receipts_reach_all_devices(alice: Person, register_person: NewPerson, connect: Connect) -> None:
    bob = register_person("bob")
    chat = alice.direct_chat(bob)
    message = alice.send(chat, "x")
    here, there, other = connect(bob), connect(bob), connect(alice)
    here.call("messages:read", {"chatId": chat})
    receipt = {"chatId": chat, "userId": bob.id, "messageIds": [message["id"]], "readSeq": 1}
    for socket in (here, there, other):
        assert socket.wait_for("messages:read") == receipt
