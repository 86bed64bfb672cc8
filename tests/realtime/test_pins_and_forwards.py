"""Events of pins and of forwarded messages."""

import uuid

from tests.conftest import Connect
from tests.people import Person, data

PRIVATE = {"status"}


def test_pins_are_emitted_to_all_members(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    message = alice.send(chat, "Hello")
    sockets = [connect(alice), connect(bob)]
    path = f"/messages/{message['id']}/pin"
    pinned = data(bob.request("PUT", path))
    data(bob.request("PUT", path))
    unpinned = data(alice.delete(path))
    changes = [
        (pinned["rev"], {"pinnedAt": pinned["pinnedAt"], "pinnedBy": bob.id}),
        (unpinned["rev"], {"pinnedAt": None, "pinnedBy": None}),
    ]
    expected = [
        {"chatId": chat, "messageId": message["id"], "rev": rev, "changes": changed} for rev, changed in changes
    ]
    for socket in sockets:
        socket.flush()
        assert [payload for _, payload in socket.received("message:changed")] == expected


def test_a_deletion_emits_no_unpinning(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    message = alice.send(chat, "Hello")
    data(alice.request("PUT", f"/messages/{message['id']}/pin"))
    socket = connect(bob)
    alice.delete(f"/messages/{message['id']}")
    assert socket.wait_for("message:deleted")["messageId"] == message["id"]
    socket.flush()
    assert socket.received("message:changed") == []


def test_copies_are_emitted_in_order(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    source, group = alice.direct_chat(bob), alice.group(bob, carol)
    messages = [bob.send(source, str(number)) for number in range(3)]
    readers = [connect(alice), connect(carol)]
    body = {"messageIds": [message["id"] for message in messages], "chatIds": [group], "clientId": str(uuid.uuid4())}
    copies = data(alice.post("/messages/forward", body))
    data(alice.post("/messages/forward", body))
    shown = [{name: value for name, value in copy.items() if name not in PRIVATE} for copy in copies]
    for reader in readers:
        reader.flush()
        assert [payload for _, payload in reader.received("message:new")] == shown
