"""Events of what only one user sees: to all of their sockets, in the order of `meRev`, and to no others."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine, text

from tests.conftest import Connect
from tests.people import Person, data
from tests.socket_clients import SocketClient


def own_events(socket: SocketClient) -> list[tuple[str, Any]]:
    """The events of own state, once all have arrived."""
    socket.flush()
    return [(name, payload) for name, payload in socket.received() if name.startswith("me:")]


def test_all_sockets_of_the_user_and_no_others_get_each_change(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    messages = [alice.send(chat, str(number))["id"] for number in range(3)]
    sockets, other = [connect(bob), connect(bob)], connect(alice)
    state = data(bob.patch(f"/chats/{chat}/me", {"isArchived": True, "pinned": True}))
    bob.patch(f"/chats/{chat}/me", {"isArchived": True})
    bob.post("/messages/hide", {"messageIds": [messages[2], messages[1]]})
    bob.post("/messages/hide", {"messageIds": messages[1:]})
    draft = data(bob.request("PUT", f"/chats/{chat}/draft", json={"content": "x"}))
    bob.request("PUT", f"/chats/{chat}/draft", json={"content": "x"})
    for _ in range(2):
        bob.delete(f"/chats/{chat}/draft")
    marked = data(bob.patch(f"/chats/{chat}/me", {"unreadFrom": 2}))
    cleared = data(bob.post(f"/chats/{chat}/clear", {"upTo": 1}))
    bob.post(f"/chats/{chat}/clear", {"upTo": 1})
    data(bob.post(f"/messages/{chat}/read"))
    read = data(bob.get(f"/chats/{chat}"))["me"]
    expected = [
        ("me:chat", state),
        ("me:hidden", {"chatId": chat, "messageIds": messages[1:], "meRev": 2}),
        ("me:draft", draft),
        ("me:draft", {"chatId": chat, "meRev": 4, "isGone": True}),
        ("me:chat", marked),
        ("me:chat", cleared),
        ("me:chat", read),
    ]
    for socket in sockets:
        assert own_events(socket) == expected
    assert own_events(other) == []


def test_a_send_removes_a_mark_without_an_event(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    alice.send(chat, "Hello")
    socket = connect(bob)
    state = data(bob.patch(f"/chats/{chat}/me", {"isMarkedUnread": True}))
    bob.send(chat, "Hi")
    assert own_events(socket) == [("me:chat", state)]


def test_clearing_emits_the_receipt_of_reading(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    messages = [alice.send(chat, str(number))["id"] for number in range(3)]
    own, other = connect(bob), connect(alice)
    data(bob.post(f"/chats/{chat}/clear", {"upTo": 2}))
    receipt = {"chatId": chat, "userId": bob.id, "messageIds": messages[:2], "readSeq": 2}
    for socket in (own, other):
        assert socket.wait_for("messages:read") == receipt
    data(bob.post(f"/messages/{chat}/read"))
    assert other.wait_for("messages:read")["readSeq"] == 3
    # Nothing is newly read.
    data(bob.post(f"/chats/{chat}/clear"))
    other.flush()
    assert len(other.received("messages:read")) == 2


def test_a_private_reader_clears_without_a_receipt_for_others(alice: Person, bob: Person, connect: Connect) -> None:
    chat = alice.direct_chat(bob)
    alice.send(chat, "Hello")
    data(bob.patch("/users/me/settings", {"readReceipts": False}))
    own, other = connect(bob), connect(alice)
    data(bob.post(f"/chats/{chat}/clear"))
    assert own.wait_for("messages:read")["readSeq"] == 1
    other.flush()
    assert other.received("messages:read") == []
    assert data(alice.get(f"/messages/{chat}"))[0]["status"] == "DELIVERED"


def test_concurrent_changes_arrive_in_the_order_of_their_numbers(
    alice: Person, bob: Person, carol: Person, connect: Connect
) -> None:
    chats = [bob.direct_chat(alice), bob.direct_chat(carol), bob.group(alice, carol)]
    sockets = [connect(bob), connect(bob)]

    def change(number: int) -> None:
        chat = chats[number % 3]
        if number % 2:
            data(bob.request("PUT", f"/chats/{chat}/draft", json={"content": str(number)}))
        else:
            data(bob.patch(f"/chats/{chat}/me", {"mutedUntil": f"2999-01-01T00:00:{number:02}.000Z"}))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(change, range(48)))
    for socket in sockets:
        events = own_events(socket)
        assert [payload["meRev"] for _, payload in events] == list(range(1, 49))


def test_a_message_to_a_group_that_all_archived_writes_no_other_member_row(
    alice: Person, bob: Person, connect: Connect, engine: Engine
) -> None:
    chat = alice.group(bob)
    alice.send(chat, "First")
    data(bob.patch(f"/chats/{chat}/me", {"isArchived": True}))
    fill = """
        WITH person AS (
            INSERT INTO users (id, username) SELECT id, 'archiver' || left(md5(id::text), 12)
            FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 998)) new RETURNING id
        ), counted AS (UPDATE chats SET member_count = 1000 WHERE id = :chat)
        INSERT INTO members (chat_id, user_id, delivered_seq, read_seq, me_rev) SELECT :chat, id, 1, 1, 1 FROM person
    """
    rows = text("SELECT user_id::text, xmin::text, ctid::text FROM members WHERE chat_id = :chat ORDER BY user_id")
    with engine.begin() as db:
        db.execute(text(fill), {"chat": chat})
        db.execute(text("UPDATE members SET archived_seq = 1, hidden_seq = 1 WHERE chat_id = :chat"), {"chat": chat})
    with engine.connect() as db:
        before = db.execute(rows, {"chat": chat}).all()
    assert len(before) == 1000
    assert data(bob.get(f"/chats/{chat}"))["me"]["isArchived"]
    alice.send(chat, "Second")
    assert "isArchived" not in data(bob.get(f"/chats/{chat}"))["me"]
    with engine.connect() as db:
        after = db.execute(rows, {"chat": chat}).all()
    changed = {old[0] for old, new in zip(before, after, strict=True) if old != new}
    assert changed == {alice.id}
