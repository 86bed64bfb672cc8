"""Users who chat during faults, and the check that nothing was lost."""

import threading
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, text

from tests.people import Person
from tests.socket_clients import SocketClient
from tests.waiting import eventually

RESPONSE_TIMEOUT = 1.0
# About as long as the server takes, so that a fault hits messages of several users and leaves time for the others.
PAUSE_SECONDS = 0.01
# While a fault lasts and the server recovers: more messages would only keep the machine busy.
SLOW_SECONDS = 0.2


class Talker:
    """A user who sends one message after the other, each repeated with its `clientId` until it is acknowledged, and
    waits `pause` seconds between them."""

    def __init__(self, person: Person, socket: SocketClient, chat_id: str) -> None:
        self.person = person
        self.socket = socket
        self.chat_id = chat_id
        self.acknowledged: list[dict[str, Any]] = []
        self.pause = PAUSE_SECONDS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the acknowledgement of the current message, then stop."""
        self._stopping.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "a send is never acknowledged"

    def _talk(self) -> None:
        while not self._stopping.wait(self.pause):
            message = {"chatId": self.chat_id, "content": f"{self.person.name} {len(self.acknowledged)}"}
            message["clientId"] = str(uuid.uuid4())
            while True:
                try:
                    ack = self.socket.call("message:send", message, timeout=RESPONSE_TIMEOUT)
                except TimeoutError:
                    continue
                if ack["ok"]:
                    self.acknowledged.append(ack["data"])
                    break
                assert ack["error"]["code"] == "database_unavailable", ack


def wait_for_each(talkers: Sequence[Talker], amount: int) -> None:
    """Wait until so many more messages of each are acknowledged."""
    wanted = [len(talker.acknowledged) + amount for talker in talkers]

    def all_have() -> bool:
        return all(len(talker.acknowledged) >= number for talker, number in zip(talkers, wanted, strict=True))

    eventually(all_have, 60)


def stored_messages(engine: Engine, chat_id: str) -> list[dict[str, Any]]:
    """The stored messages of a chat, in order."""
    with engine.connect() as db:
        rows = db.execute(
            text("SELECT id::text, seq, rev, client_id::text FROM messages WHERE chat_id = :id ORDER BY seq"),
            {"id": chat_id},
        )
        return [dict(row._mapping) for row in rows]


def check(engine: Engine, chat_id: str, talkers: list[Talker]) -> int:
    """Compare the logs of all users with the database; returns the number of messages."""
    stored = stored_messages(engine, chat_id)
    assert [message["seq"] for message in stored] == list(range(1, len(stored) + 1))
    client_ids = [message["client_id"] for message in stored]
    assert len(client_ids) == len(set(client_ids)), "a message was doubled"
    for talker in talkers:
        acknowledged = [message["id"] for message in talker.acknowledged]
        of_them = set(acknowledged)
        assert [message["id"] for message in stored if message["id"] in of_them] == acknowledged, "lost or out of order"
        assert fold(talker.socket, chat_id) == {message["id"]: message["rev"] for message in stored}
    return len(stored)


def fold(socket: SocketClient, chat_id: str) -> dict[str, int]:
    """A client's state after all received events and a `sync`: message → rev. Received events must be in order."""
    messages = [payload for name, payload in socket.received("message:new") if payload["chatId"] == chat_id]
    sequence = [message["seq"] for message in messages]
    assert sequence == sorted(set(sequence)), "received twice or out of order"
    known = {message["id"]: message["rev"] for message in messages}
    # A client that saw a jump in seq asks from before it.
    rev, expected = 0, 1
    for message in messages:
        if message["seq"] != expected:
            break
        rev, expected = message["rev"], expected + 1
    while True:
        response = socket.call("sync", {"chats": {chat_id: rev}}, timeout=20)["data"]
        for message in response["messages"].get(chat_id, []):
            known[message["id"]] = rev = message["rev"]
        if chat_id not in response["more"]:
            return known
