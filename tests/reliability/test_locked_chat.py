"""A chat that is locked in the database waits on its own: the others go on."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from tests.conftest import NewPerson
from tests.people import Person, data
from tests.server import Server
from tests.socket_clients import PyClient

HELD = 2.0
LOCKS = {
    "chat": "SELECT FROM chats WHERE id = :chat_id FOR UPDATE",
    "members": "SELECT FROM members WHERE chat_id = :chat_id FOR UPDATE",
}


@contextmanager
def holding(engine: Engine, lock: str, chat_id: str) -> Iterator[None]:
    with engine.connect() as db:
        db.execute(text(LOCKS[lock]), {"chat_id": chat_id})
        yield
        db.rollback()


def times_of_sends(sender: PyClient, chat_id: str, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert sender.call("message:send", {"chatId": chat_id, "content": "x"}, timeout=20)["ok"]
        times.append(time.monotonic() - began)
    return times


@pytest.mark.parametrize("lock", LOCKS)
def test_a_locked_chat_delays_no_other(
    alice: Person, bob: Person, register_person: NewPerson, engine: Engine, lock: str
) -> None:
    carol, dave = register_person("carol"), register_person("dave")
    locked, free = alice.direct_chat(bob), carol.direct_chat(dave)
    alices, bobs, carols, daves = [PyClient.connect(person.url, person.token) for person in (alice, bob, carol, dave)]
    with ThreadPoolExecutor(30) as pool:
        with holding(engine, lock, locked):
            sends = [
                pool.submit(alices.call, "message:send", {"chatId": locked, "content": str(n)}, timeout=20)
                for n in range(10)
            ]
            # More than the pool has connections; they too are of the locked chat.
            reads = [pool.submit(bob.post, f"/messages/{locked}/read") for _ in range(19)]
            times = times_of_sends(carols, free, HELD)
            assert daves.wait_for("messages:delivered")
            assert data(dave.get(f"/messages/{free}", limit=1))
            assert not any(send.done() for send in sends)
        responses = [send.result(10)["data"] for send in sends]
        assert all(read.result(20).ok for read in reads)
    assert sorted(response["seq"] for response in responses) == list(range(1, 11))
    # At most the one bounded wait for the lock, before its chat left the batch.
    assert max(times) < HELD / 2
    assert data(bob.get(f"/messages/{locked}"))[0]["seq"] == 10
    for client in (alices, bobs, carols, daves):
        client.disconnect()


def test_messages_of_a_locked_chat_keep_their_order(alice: Person, bob: Person, engine: Engine, server: Server) -> None:
    chat = alice.direct_chat(bob)
    alices = PyClient.connect(server.url, alice.token)
    with holding(engine, "chat", chat):
        for number in range(30):
            alices.emit("message:send", {"chatId": chat, "content": str(number)})
            time.sleep(0.02)
    alices.wait_for("message:new", lambda message: message["content"] == "29")
    messages = [payload for name, payload in alices.received() if name == "message:new"]
    assert [message["content"] for message in messages] == [str(number) for number in range(30)]
    alices.disconnect()
