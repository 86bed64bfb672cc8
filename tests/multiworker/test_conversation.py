"""Any interleaving of all actions on messages, on several workers: what clients know in the end equals the database."""

import random
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import NewPerson
from tests.folded_chat import FoldedChat
from tests.multiworker.conftest import WorkersServer
from tests.people import Person, data

Json = dict[str, Any]
ACTIONS_PER_USER = 60
EMOJIS = ("👍", "❤️", "🎉", ":ship_it:")
SEEDS = (1, 2)


class Talker:
    """A user who does something at random to a chat, again and again; `known` are ids of its messages."""

    def __init__(self, user: Person, chat_id: str, users: Sequence[Person], known: list[str], seed: int) -> None:
        self.user, self.chat_id, self.users, self.known = user, chat_id, users, known
        self.dice = random.Random(seed)
        self.codes: set[str] = set()
        self.error: Exception | None = None
        self._actions: list[Callable[[], Any]] = [
            self.send, self.send, self.reply, self.mention, self.edit, self.set_metadata, self.react, self.react,
            self.take_back, self.pin, self.unpin, self.delete, self.forward, self.read,
        ]  # fmt: skip

    def talk(self) -> None:
        try:
            for _ in range(ACTIONS_PER_USER):
                response = self.dice.choice(self._actions)()
                assert response.status_code < 500, response.text
                if not response.ok:
                    self.codes.add(response.json()["code"])
        except Exception as error:
            self.error = error

    def _some(self) -> str:
        return self.dice.choice(self.known[-20:])

    def _post(self, **fields: Any) -> Any:
        body = {"chatId": self.chat_id, "content": self._text(), "clientId": str(uuid.uuid4()), **fields}
        response = self.user.post("/messages", body)
        if response.ok:
            self.known.append(data(response)["id"])
        return response

    def _text(self) -> str:
        return "word " * self.dice.randrange(1, 100)

    def send(self) -> Any:
        return self._post()

    def reply(self) -> Any:
        return self._post(replyToId=self._some())

    def mention(self) -> Any:
        return self._post(mentions={"userIds": [self.dice.choice(self.users).id], "all": self.dice.random() < 0.1})

    def edit(self) -> Any:
        return self.user.patch(f"/messages/{self._some()}", {"content": self._text()})

    def set_metadata(self) -> Any:
        return self.user.patch(f"/messages/{self._some()}", {"metadata": self.dice.choice([None, {"a": 1}, {"a": 2}])})

    def _reaction(self) -> str:
        return f"/messages/{self._some()}/reactions/{quote(self.dice.choice(EMOJIS))}"

    def react(self) -> Any:
        unique = "?unique=true" if self.dice.random() < 0.2 else ""
        return self.user.request("PUT", self._reaction() + unique)

    def take_back(self) -> Any:
        return self.user.delete(self._reaction())

    def pin(self) -> Any:
        return self.user.request("PUT", f"/messages/{self._some()}/pin")

    def unpin(self) -> Any:
        return self.user.delete(f"/messages/{self._some()}/pin")

    def delete(self) -> Any:
        return self.user.delete(f"/messages/{self._some()}")

    def forward(self) -> Any:
        body = {"messageIds": [self._some()], "chatIds": [self.chat_id], "clientId": str(uuid.uuid4())}
        return self.user.post("/messages/forward", body)

    def read(self) -> Any:
        return self.user.post(f"/messages/{self.chat_id}/read", {})


def all_messages(reader: Person, chat_id: str) -> list[Json]:
    """The messages of a chat as the database has them, oldest first."""
    found: list[Json] = []
    query: Json = {"limit": 100}
    while True:
        response = reader.get(f"/messages/{chat_id}", **query)
        found += data(response)
        if not response.json()["meta"]["hasMore"]:
            return found[::-1]
        query["cursor"] = response.json()["meta"]["nextCursor"]


@pytest.mark.parametrize("seed", SEEDS)
def test_clients_and_database_agree(workers: WorkersServer, register_person: NewPerson, seed: int) -> None:
    users = [register_person() for _ in range(3)]
    chat_id = users[0].group(*users[1:])
    for user in users[1:]:
        users[0].patch(f"/chats/{chat_id}/members/{user.id}/role", {"role": "ADMIN"})
    known = [users[0].send(chat_id, "First")["id"]]
    clients = [FoldedChat(user, chat_id, seed * 10 + place) for place, user in enumerate(users * 2)]
    talkers = [Talker(user, chat_id, users, known, seed * 100 + place) for place, user in enumerate(users)]
    for client in clients:
        client.follow()
    threads = [threading.Thread(target=talker.talk) for talker in talkers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for talker in talkers:
        assert talker.error is None, talker.error
        assert talker.codes <= {"not_found", "forbidden", "conflict", "message_deleted", "validation_error"}
    for user, client in zip(users * 2, clients, strict=True):
        client.finish()
        stored = [
            {name: value for name, value in message.items() if name != "status"}
            for message in all_messages(user, chat_id)
        ]
        assert client.shown() == stored
        assert client.syncs > 2
    for user in users:
        _check_counts(user, chat_id)


def _check_counts(user: Person, chat_id: str) -> None:
    """What the server counts equals a recount of what it lists."""
    chat = data(user.get(f"/chats/{chat_id}"))
    messages = all_messages(user, chat_id)
    unread = [message for message in messages if message["seq"] > chat["lastSeq"] - chat["unreadCount"]]
    mentions = [
        message
        for message in unread
        if message["senderId"] != user.id
        and (message.get("mentions", {}).get("all") or user.id in message.get("mentions", {}).get("userIds", []))
    ]
    assert chat.get("mentionCount", 0) == len(mentions)
    assert chat.get("pinCount", 0) == sum("pinnedAt" in message for message in messages)
    for message in messages:
        for reaction in message.get("reactions", []):
            response = user.get(f"/messages/{message['id']}/reactions", emoji=reaction["emoji"])
            reactors = [each["userId"] for each in data(response)]
            assert (reaction["count"], reaction["userIds"]) == (len(reactors), reactors[:10])
            assert reaction.get("mine", False) == (user.id in reactors)
