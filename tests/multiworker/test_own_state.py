"""Devices of one user on several workers end with the same own state, whatever they set at the same time."""

import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.multiworker.conftest import WorkersServer
from tests.people import Person, data, register
from tests.socket_clients import PyClient
from tests.waiting import eventually

Json = dict[str, Any]
ROUNDS = 12
CALLS_AT_ONCE = 8


class Device:
    """A device of a user: the fold of the events of own state, and of `sync` after it was offline."""

    def __init__(self, user: Person) -> None:
        self._user = user
        self._socket: PyClient | None = None
        self.rev = 0
        self.chats: dict[str, Json] = {}
        self.drafts: dict[str, Json] = {}
        self.hidden: dict[str, set[str]] = defaultdict(set)
        self.settings: Json | None = None
        self.blocked: set[str] = set()

    @property
    def is_online(self) -> bool:
        """Whether it has a socket."""
        return self._socket is not None

    def connect(self) -> None:
        """Go online, and catch up. Events that arrive meanwhile are applied afterwards."""
        self._socket = PyClient.connect(self._user.url, self._user.token, transports=["websocket"])
        while self._sync():
            pass

    def disconnect(self) -> None:
        """Apply the events that have arrived, and go offline."""
        if self._socket is None:
            return
        self._socket.flush()
        for name, payload in self._socket.received():
            assert name != "resync"
            if name.startswith("me:") and payload["meRev"] > self.rev:
                assert payload["meRev"] == self.rev + 1, "events came without an earlier one"
                self.rev = payload["meRev"]
                self._apply(name, payload)
        self._socket.disconnect()
        self._socket = None

    def has_heard(self, rev: int) -> bool:
        """Whether the event of a change, or of a later one, has arrived."""
        assert self._socket
        return self.rev >= rev or any(payload.get("meRev", 0) >= rev for _, payload in self._socket.received())

    def state(self) -> Json:
        """What the device knows."""
        hidden = {chat_id: sorted(ids) for chat_id, ids in self.hidden.items() if ids}
        return {
            "rev": self.rev,
            "chats": self.chats,
            "drafts": self.drafts,
            "hidden": hidden,
            "settings": self.settings,
            "blocked": sorted(self.blocked),
        }

    def _sync(self) -> bool:
        assert self._socket
        # In pieces by `more` too: a device that was offline for long.
        me = self._socket.call("sync", {"chats": {}, "me": self.rev})["data"]["me"]
        for name, field in (("me:chat", "chats"), ("me:draft", "drafts")):
            for each in me.get(field, []):
                self._apply(name, each)
        for chat_id in me.get("draftsGone", []):
            self.drafts.pop(chat_id, None)
        for chat_id, ids in me.get("hidden", {}).items():
            self.hidden[chat_id].update(ids)
        self.settings = me.get("settings", self.settings)
        self.blocked = set(me.get("blocked", self.blocked))
        self.rev = me["rev"]
        return "more" in me

    def _apply(self, name: str, payload: Json) -> None:
        if name == "me:chat":
            self.chats[payload["chatId"]] = payload
        elif name == "me:hidden":
            self.hidden[payload["chatId"]].update(payload["messageIds"])
        elif name == "me:settings":
            self.settings = payload
        elif name == "me:blocked":
            (self.blocked.add if payload["isBlocked"] else self.blocked.discard)(payload["userId"])
        elif "isGone" in payload:
            self.drafts.pop(payload["chatId"], None)
        else:
            self.drafts[payload["chatId"]] = payload


@pytest.fixture(scope="module")
def workers(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkersServer]:
    """A server with several workers, and Redis between them."""
    folder = tmp_path_factory.mktemp("own_state")
    with (
        EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey,
        WorkersServer(database_url, folder, REDIS_URL=valkey.url) as server,
    ):
        yield server
        assert not server.errors_in_log()


@pytest.fixture
def bob(workers: WorkersServer) -> Person:
    """The user of the devices."""
    return register(workers.url, "bob")


@pytest.fixture
def others(workers: WorkersServer) -> list[Person]:
    """Users who share chats with bob."""
    return [register(workers.url, "other") for _ in range(3)]


def change(user: Person, chats: list[str], messages: list[str], blockable: str, seed: int) -> int:
    """Change something of the user's own state, on a connection of its own, so that any worker handles it; the status."""
    chance = random.Random(seed)
    chat = chance.choice(chats)
    until = chance.choice([None, "9999-12-31T23:59:59.999Z", "2999-01-01T00:00:00.000Z"])
    state = chance.choice(
        [
            {"mutedUntil": until},
            {"isArchived": chance.random() < 0.5, "notify": chance.choice([None, "all", "none"])},
            {"pinned": chance.random() < 0.5},
            {"isMarkedUnread": chance.random() < 0.7},
            {"isHidden": chance.random() < 0.5},
        ]
    )
    method, path, body = chance.choice(
        [
            ("PATCH", f"/chats/{chat}/me", state),
            ("PATCH", f"/chats/{chat}/me", state),
            ("PUT", f"/chats/{chat}/draft", {"content": str(chance.randrange(3))}),
            ("DELETE", f"/chats/{chat}/draft", None),
            ("POST", "/messages/hide", {"messageIds": chance.sample(messages, 2)}),
            ("PATCH", "/users/me/settings", {"notify": chance.choice(["all", "none"])}),
            (chance.choice(["PUT", "DELETE"]), f"/users/me/blocks/{blockable}", None),
            ("POST", f"/messages/{chat}/read", None),
        ]
    )
    headers = {"Authorization": f"Bearer {user.token}"}
    return requests.request(method, f"{user.url}/api/v1{path}", json=body, headers=headers, timeout=20).status_code


def test_devices_on_all_workers_end_alike(workers: WorkersServer, bob: Person, others: list[Person]) -> None:
    chance = random.Random(0)
    chats = [bob.direct_chat(others[0]), bob.group(*others), bob.group(others[0])]
    messages = [others[0].send(chat, str(number))["id"] for chat in chats for number in range(8)]
    online, sometimes = Device(bob), Device(bob)
    witnesses = [PyClient.connect(other.url, other.token, transports=["websocket"]) for other in others]
    online.connect()
    sometimes.connect()
    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        for turn in range(ROUNDS):
            calls = [
                pool.submit(change, bob, chats, messages, others[2].id, turn * CALLS_AT_ONCE + number)
                for number in range(CALLS_AT_ONCE)
            ]
            # While the calls are under way.
            if chance.random() < 0.5:
                sometimes.disconnect()
            elif not sometimes.is_online:
                sometimes.connect()
            assert {call.result() for call in calls} <= {200, 204}
    if not sometimes.is_online:
        sometimes.connect()
    stored = Device(bob)
    stored.connect()
    for device in (online, sometimes):
        eventually(lambda device=device: device.has_heard(stored.rev), 10)  # type: ignore[misc]
    for device in (online, sometimes, stored):
        device.disconnect()
    # Number 0 asks for settings and blocks also if they never changed.
    assert online.state() == stored.state()
    assert sometimes.state() == stored.state()
    assert stored.chats == {
        chat_id: shown["me"] for chat_id in chats if "me" in (shown := data(bob.get(f"/chats/{chat_id}")))
    }
    for witness in witnesses:
        witness.flush()
        assert [name for name, _ in witness.received() if name.startswith("me:")] == []
        witness.disconnect()
