"""Signals over sockets and REST: who receives them, and what they may contain."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.conftest import Connect, both_clients
from tests.people import Backend, Person, problem
from tests.socket_clients import SocketClient


def signals(*sockets: SocketClient) -> list[list[Any]]:
    for socket in sockets:
        socket.flush()
    return [[payload for name, payload in socket.received() if name == "signal"] for socket in sockets]


@both_clients
def test_a_signal_reaches_the_other_members(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    group = alice.group(bob, carol)
    sender, own, *others = [connect(person) for person in (alice, alice, bob, bob, carol)]
    ack = sender.call("signal", {"chatId": group, "name": "cursor.moved", "data": {"x": 1, "y": [2]}})
    assert ack == {"ok": True, "data": None}
    expected = {"chatId": group, "userId": alice.id, "name": "cursor.moved", "data": {"x": 1, "y": [2]}}
    assert [socket.wait_for("signal") for socket in others] == [expected] * 3
    assert signals(sender, own) == [[], []]


def test_a_signal_over_rest_reaches_sockets(alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = alice.direct_chat(bob)
    socket = connect(bob)
    response = alice.post(f"/chats/{chat_id}/signal", {"name": "ring"})
    assert (response.status_code, response.content) == (204, b"")
    assert socket.wait_for("signal") == {"chatId": chat_id, "userId": alice.id, "name": "ring"}


def test_only_members_among_the_named_users_receive_it(
    alice: Person, bob: Person, carol: Person, connect: Connect
) -> None:
    chat_id, elsewhere = alice.group(bob), alice.group(bob, carol)
    group = alice.group(bob)
    bobs, carols = connect(bob), connect(carol)
    payload = {"name": "ring", "toUserIds": [bob.id, carol.id, bob.id]}
    assert alice.post(f"/chats/{group}/signal", payload).status_code == 204
    assert alice.post(f"/chats/{chat_id}/signal", payload | {"toUserIds": [carol.id]}).status_code == 204
    assert alice.post(f"/chats/{elsewhere}/signal", {"name": "last"}).status_code == 204
    carols.wait_for("signal", lambda signal: signal["name"] == "last")
    bobs.wait_for("signal", lambda signal: signal["name"] == "last")
    received = signals(bobs, carols)
    assert [[signal["chatId"] for signal in each] for each in received] == [[group, elsewhere], [elsewhere]]


def test_the_sender_can_name_themselves(alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = alice.direct_chat(bob)
    socket = connect(alice)
    alice.post(f"/chats/{chat_id}/signal", {"name": "sync", "toUserIds": [alice.id]})
    assert socket.wait_for("signal")["userId"] == alice.id


def test_former_members_receive_none(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    group = alice.group(bob, carol)
    bobs, carols = connect(bob), connect(carol)
    alice.delete(f"/chats/{group}/members/{bob.id}")
    assert problem(bob.post(f"/chats/{group}/signal", {"name": "x"})) == (404, "not_found")
    alice.post(f"/chats/{group}/signal", {"name": "x", "toUserIds": [bob.id, carol.id]})
    alice.post(f"/chats/{group}/signal", {"name": "y"})
    carols.wait_for("signal", lambda signal: signal["name"] == "y")
    assert signals(bobs) == [[]]


def test_a_closed_direct_chat_refuses_signals(alice: Person, bob: Person, engine: Engine, connect: Connect) -> None:
    chat_id = alice.direct_chat(bob)
    with engine.begin() as db:
        db.execute(text("UPDATE chats SET is_closed = true WHERE id = :id"), {"id": chat_id})
    assert problem(alice.post(f"/chats/{chat_id}/signal", {"name": "x"})) == (403, "cannot_send")
    ack = connect(alice).call("signal", {"chatId": chat_id, "name": "x"})
    assert (ack["ok"], ack["error"]["code"]) == (False, "cannot_send")


def test_keys_signal_as_a_user(backend: Backend, alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = alice.direct_chat(bob)
    socket = connect(bob)
    assert backend.post(f"/chats/{chat_id}/signal", {"name": "x"}, act_as=alice.id).status_code == 204
    assert socket.wait_for("signal")["userId"] == alice.id


@pytest.mark.parametrize("data", [0, False, "", [], {}, "x" * 1022, [[[[[1]]]]], 1.5, {"a" * 64: None}], ids=repr)
def test_data_is_any_json_within_its_bounds(alice: Person, bob: Person, connect: Connect, data: object) -> None:
    chat_id = alice.direct_chat(bob)
    socket = connect(bob)
    assert alice.post(f"/chats/{chat_id}/signal", {"name": "x", "data": data}).status_code == 204
    assert socket.wait_for("signal")["data"] == data


def test_data_that_is_null_is_absent(alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = alice.direct_chat(bob)
    socket = connect(bob)
    assert alice.post(f"/chats/{chat_id}/signal", {"name": "x", "data": None}).status_code == 204
    assert "data" not in socket.wait_for("signal")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 65),
        ("name", "Upper"),
        ("name", "x\n"),
        ("name", "a b"),
        ("name", 1),
        ("name", None),
        ("data", "x" * 1023),
        ("data", "é" * 512),
        ("data", [[[[[[1]]]]]]),
        ("data", {"a" * 65: 1}),
        ("data", "\0"),
        ("toUserIds", []),
        ("toUserIds", ["1"]),
        ("toUserIds", None),
        ("text", "x"),
    ],
)
def test_bad_signals_are_refused(alice: Person, bob: Person, connect: Connect, field: str, value: object) -> None:
    chat_id = alice.direct_chat(bob)
    payload = {"name": "x", field: value}
    refused = alice.post(f"/chats/{chat_id}/signal", payload)
    assert problem(refused) == (422, "validation_error")
    assert list(refused.json()["errors"]) == [field]
    ack = connect(alice).call("signal", {"chatId": chat_id, **payload})
    assert (ack["error"]["code"], list(ack["error"]["errors"])) == ("validation_error", [field])
