"""After an outage connected sockets get the changes that they missed, without calling `sync`."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests

from chatapp.fanout.bus import BEAT_SECONDS
from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import NewDatabase
from tests.multiworker.test_machines import wait_until_ready
from tests.people import Person, data, register
from tests.server import Server
from tests.socket_clients import JsDriver, PyClient, SocketClient
from tests.waiting import eventually

SUSPENDED_SECONDS = 6.0


class Outage:
    """A kind of outage between the workers, and its end."""

    def __init__(self, valkey: EmbeddedValkey, machines: tuple[Server, Server]) -> None:
        self.valkey = valkey
        self.machines = machines

    @contextmanager
    def redis_killed(self) -> Iterator[None]:
        self.valkey.kill()
        self._until(503)
        yield
        self.valkey.start()
        self._until(200)

    @contextmanager
    def redis_suspended(self) -> Iterator[None]:
        with suspended(self.valkey.pid):
            self._until(503)
            yield
        self._until(200)

    @contextmanager
    def worker_suspended(self) -> Iterator[None]:
        """Suspend the worker of the second machine for longer than it takes to count as disconnected."""
        began = time.monotonic()
        with suspended(worker_of(self.machines[1])):
            yield
            time.sleep(max(0.0, began + SUSPENDED_SECONDS - time.monotonic()))
        self._until(200)

    def _until(self, status: int) -> None:
        for server in self.machines:
            wait_until_ready(server, 15, status)


@contextmanager
def suspended(pid: int) -> Iterator[None]:
    """Suspend a process during the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def worker_of(server: Server) -> int:
    """The process id of a server's only worker."""
    return int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])


class Copy:
    """The state of a client without `sync`: the fold of its events, which must arrive in order and once."""

    def __init__(self, client: SocketClient, user_id: str) -> None:
        self._client = client
        self._user_id = user_id

    def fold(self) -> dict[str, dict[str, Any]]:
        """Chat → its name and data, its members' roles, and its messages' contents by `seq`."""
        chats: dict[str, dict[str, Any]] = {}
        revs: dict[str, int] = defaultdict(int)
        for name, payload in self._client.received():
            if name == "chat:new":
                assert payload["id"] not in chats
                members = {member["userId"]: member["role"] for member in payload["members"]}
                chats[payload["id"]] = {
                    "name": payload["name"],
                    "data": payload.get("data"),
                    "members": members,
                    "messages": {},
                    "since": payload["lastSeq"],
                }
                revs[payload["id"]] = payload["lastRev"]
                continue
            if name not in APPLY:
                continue
            chat_id = payload.get("chatId", payload.get("id"))
            assert chat_id in chats, f"{name} of a chat that this client is not in"
            if rev := payload.get("rev", payload.get("lastRev")):
                # What a new member sees first is the chat with their own joining.
                is_own = name == "chat:member_joined" and rev == revs[chat_id]
                assert rev > revs[chat_id] or is_own, f"{name} came late or twice"
                revs[chat_id] = rev
            if name == "chat:deleted" or (name == "chat:member_left" and payload["userId"] == self._user_id):
                del chats[chat_id]
                continue
            APPLY[name](chats[chat_id], payload)
        return chats


def add_message(chat: dict[str, Any], message: dict[str, Any]) -> None:
    newest = max((seq for seq, _ in chat["messages"].values()), default=chat["since"])
    assert message["seq"] == newest + 1
    chat["messages"][message["id"]] = message["seq"], message["content"]


def change_message(chat: dict[str, Any], change: dict[str, Any]) -> None:
    id = change.get("id", change.get("messageId"))
    # A change from before this client joined is not part of its state.
    if id in chat["messages"] or change.get("seq", 0) > chat["since"]:
        chat["messages"][id] = chat["messages"][id][0], change.get("content")


def add_member(chat: dict[str, Any], payload: dict[str, Any]) -> None:
    chat["members"][payload["member"]["userId"]] = payload["member"]["role"]


def remove_member(chat: dict[str, Any], payload: dict[str, Any]) -> None:
    # Members who have left since are not in a replayed `chat:new`, but counted in `memberCount`.
    chat["members"].pop(payload["userId"], None)


def rename(chat: dict[str, Any], payload: dict[str, Any]) -> None:
    chat["name"], chat["data"] = payload["name"], payload.get("data")


def forget(_chat: dict[str, Any], _payload: dict[str, Any]) -> None:
    """Handled above."""


APPLY: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "message:new": add_message,
    "message:edited": change_message,
    "message:deleted": change_message,
    "chat:member_joined": add_member,
    "chat:member_updated": add_member,
    "chat:member_left": remove_member,
    "chat:updated": rename,
    "chat:deleted": forget,
}


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A real Redis-compatible server, which tests may kill."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture(scope="module")
def site_url(new_database: NewDatabase) -> str:
    """The database of these servers."""
    return new_database("chat_replay")


@pytest.fixture(scope="module")
def machines(
    site_url: str, valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two connected servers."""
    folder = tmp_path_factory.mktemp("machines")
    with (
        Server(site_url, folder, REDIS_URL=valkey.url) as one,
        Server(site_url, folder, REDIS_URL=valkey.url) as two,
    ):
        for server in (one, two):
            wait_until_ready(server)
        yield one, two
        for server in (one, two):
            assert not server.errors_in_log()


@pytest.fixture
def outage(valkey: EmbeddedValkey, machines: tuple[Server, Server]) -> Outage:
    return Outage(valkey, machines)


@pytest.fixture
def alice(machines: tuple[Server, Server]) -> Person:
    """She makes changes, on the first machine."""
    return register(machines[0].url, "alice")


@pytest.fixture
def people(machines: tuple[Server, Server]) -> list[Person]:
    """Bob, carol and dave, on the second machine."""
    return [register(machines[1].url, name) for name in ("bob", "carol", "dave")]


@pytest.fixture
def sockets(people: list[Person], js_driver: JsDriver) -> Iterator[list[SocketClient]]:
    """A socket of each, with both official clients."""
    bob, carol, dave = people
    opened: list[SocketClient] = [
        js_driver.connect(bob.url, bob.token),
        PyClient.connect(carol.url, carol.token),
        js_driver.connect(dave.url, dave.token),
    ]
    yield opened
    for client in opened:
        client.disconnect()


def group(owner: Person, *members: Person, name: str = "group") -> str:
    body = {"name": name, "memberIds": [member.id for member in members]}
    return str(data(owner.post("/chats/groups", body))["id"])


def truth(person: Person, known: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The chats of a user as REST returns them, in the form of `Copy.fold`."""
    chats = {}
    for chat in data(person.get("/chats")):
        detail = data(person.get(f"/chats/{chat['id']}"))
        since = known.get(chat["id"], {}).get("since", 0)
        messages = {m["id"]: (m["seq"], m["content"]) for m in data(person.get(f"/messages/{chat['id']}", limit=100))}
        chats[chat["id"]] = {
            "name": chat["name"],
            "data": chat.get("data"),
            "members": {member["userId"]: member["role"] for member in detail["members"]},
            "messages": {id: (seq, content) for id, (seq, content) in messages.items() if seq > since},
            "since": since,
        }
    return chats


def is_complete(client: SocketClient, person: Person) -> bool:
    known = Copy(client, person.id).fold()
    return known == truth(person, known)


@pytest.mark.parametrize("kind", ["redis_killed", "redis_suspended", "worker_suspended"])
def test_connected_clients_are_complete_after_an_outage(
    kind: str, outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    bob, carol, dave = people
    chat, direct = group(alice, bob, dave), alice.direct_chat(bob)
    for content in ("kept", "edited", "deleted"):
        old = alice.send(chat, content)
    for socket in (sockets[0], sockets[2]):
        socket.wait_for("message:new", lambda m: m["id"] == old["id"])
    _, second, third = reversed(data(alice.get(f"/messages/{chat}")))
    with getattr(outage, kind)():
        created = alice.send(chat, "created and edited")
        alice.send(chat, "new")
        gone = alice.send(chat, "created and deleted")
        alice.patch(f"/messages/{second['id']}", {"content": "edited now"})
        alice.patch(f"/messages/{created['id']}", {"content": "edited later"})
        for message in (third, gone):
            assert alice.delete(f"/messages/{message['id']}").status_code == 204
        alice.patch(f"/chats/{chat}", {"name": "renamed", "data": {"team": 7}})
        alice.post(f"/chats/{chat}/members", {"userId": carol.id})
        alice.send(chat, "for carol too")
        alice.patch(f"/chats/{chat}/members/{bob.id}/role", {"role": "ADMIN"})
        assert alice.delete(f"/chats/{chat}/members/{dave.id}").status_code == 204
        alice.send(chat, "not for dave")
        alice.send(direct, "direct")
        alice.send(group(alice, bob, carol, name="made meanwhile"), "first")
    for client, person in zip(sockets, people, strict=True):
        eventually(lambda client=client, person=person: is_complete(client, person), 20)  # type: ignore[misc]
    alice.send(chat, "live again")
    for socket in sockets[:2]:
        socket.wait_for("message:new", lambda m: m["content"] == "live again")
    assert is_complete(sockets[0], bob)
    assert is_complete(sockets[1], carol)
    events = [(name, payload) for name, payload in sockets[2].received() if payload.get("chatId") == chat]
    name, left = events[-1]
    assert (name, left["chatId"], left["userId"]) == ("chat:member_left", chat, dave.id)
    assert "not for dave" not in str(events)


def test_a_changed_message_is_replayed_as_an_edit(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    chat = alice.direct_chat(people[0])
    question, changed = alice.send(chat, "question"), alice.send(chat, "changed", metadata={"a": 1})
    sockets[0].wait_for("message:new", lambda m: m["id"] == changed["id"])
    with outage.redis_killed():
        data(alice.patch(f"/messages/{changed['id']}", {"metadata": None, "format": "markdown"}))
        reply = alice.send(chat, "reply", replyToId=question["id"], mentions={"userIds": [people[0].id]})
        assert alice.delete(f"/messages/{question['id']}").status_code == 204
    sockets[0].wait_for("message:deleted")
    replayed = [payload for name, payload in sockets[0].received() if name in ("message:edited", "message:new")][-2:]
    stored = [data(alice.get(f"/chats/{chat}/messages/{message['id']}")) for message in (changed, reply)]
    # Without what depends on the reader.
    assert replayed == [{name: value for name, value in message.items() if name != "status"} for message in stored]
    assert (replayed[0]["isEdited"], replayed[0]["format"], "metadata" in replayed[0]) == (False, "markdown", False)
    assert replayed[1]["replyTo"]["isDeleted"]


def test_blocks_and_settings_of_an_outage_apply_afterwards(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    bob, carol, dave = people
    chat = group(alice, *people)
    typist = PyClient.connect(alice.url, alice.token)
    for socket in sockets:
        socket.wait_for("chat:new")
    with outage.redis_killed():
        # On the first machine; the sockets are on the second one.
        assert alice.request("PUT", f"/users/me/blocks/{bob.id}").status_code == 204
        for person in (carol, dave):
            path, headers = f"{alice.url}/api/v1/users/me/settings", {"Authorization": f"Bearer {person.token}"}
            assert requests.patch(path, json={"lastSeen": "nobody"}, headers=headers, timeout=20).ok
    for socket in (sockets[1], sockets[2]):
        resync = socket.wait_for("resync", lambda payload: payload.get("me", False))
        assert resync == {"chatIds": [], "all": False, "me": True}
    assert typist.call("typing:start", {"chatId": chat})["ok"]
    sockets[1].wait_for("typing:start")
    typist.disconnect()
    sent = dave.send(chat, "after")
    for socket in sockets:
        socket.wait_for("message:new", lambda message: message["id"] == sent["id"])
        socket.flush()
    assert sockets[0].received("typing:start") == []
    assert not [payload for _, payload in sockets[1].received("user:offline") if payload["userId"] == alice.id]


def test_own_state_is_read_after_an_outage(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    bob, chat = people[0], alice.direct_chat(people[0])
    sockets[0].wait_for("chat:new")
    # On the machine of alice, as by another device.
    elsewhere = Person(alice.url, {"user": data(bob.get("/users/me")), "accessToken": bob.token, "refreshToken": None})
    data(elsewhere.patch(f"/chats/{chat}/me", {"pinned": True}))
    assert sockets[0].wait_for("me:chat")["meRev"] == 1
    with outage.redis_killed():
        state = data(elsewhere.patch(f"/chats/{chat}/me", {"pinned": False, "notify": "none"}))
        draft = data(elsewhere.request("PUT", f"/chats/{chat}/draft", json={"content": "missed"}))
    assert sockets[0].wait_for("resync", lambda payload: payload.get("me")) == {"chatIds": [], "all": False, "me": True}
    missed = sockets[0].call("sync", {"chats": {}, "me": 1})["data"]["me"]
    assert missed == {"rev": 3, "chats": [state], "drafts": [draft]}
    assert elsewhere.delete(f"/chats/{chat}/draft").status_code == 204
    assert sockets[0].wait_for("me:draft") == {"chatId": chat, "meRev": 4, "isGone": True}
    for socket in sockets[1:]:
        socket.flush()
        assert [payload for _, payload in socket.received("resync") if "me" in payload] == []


def test_what_is_replayed_is_delivered(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    chat = alice.direct_chat(people[0])
    sockets[0].wait_for("chat:new")
    with outage.redis_killed():
        sent = alice.send(chat, "missed")
    sockets[0].wait_for("message:new", lambda m: m["id"] == sent["id"])
    statuses = f"/messages/{sent['id']}/statuses"
    eventually(lambda: data(alice.get(statuses))[0]["status"] == "DELIVERED", 20)


def test_leaving_and_returning_are_both_replayed(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    bob = people[0]
    chat = group(alice, bob)
    sockets[0].wait_for("chat:new")
    with outage.redis_killed():
        alice.delete(f"/chats/{chat}/members/{bob.id}")
        alice.send(chat, "not for bob")
        alice.post(f"/chats/{chat}/members", {"userId": bob.id})
        alice.send(chat, "for bob")
    sockets[0].wait_for("message:new", lambda m: m["content"] == "for bob")
    names = [name for name, payload in sockets[0].received() if chat in (payload.get("chatId"), payload.get("id"))]
    # Receipts of the delivery may follow at once.
    names = [name for name in names if name != "messages:delivered"]
    assert names == ["chat:new", "chat:member_left", "chat:new", "chat:member_joined", "message:new"]


def test_deleted_chat_is_emitted_after_an_outage(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    chat = group(alice, people[0])
    sockets[0].wait_for("chat:new")
    with outage.redis_killed():
        assert alice.delete(f"/chats/{chat}").status_code == 204
    assert sockets[0].wait_for("chat:deleted") == {"chatId": chat}


def test_a_chat_with_more_than_100_missed_changes_is_named_in_resync(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    bob = people[0]
    full, other = group(alice, bob, name="full"), group(alice, bob, name="other")
    for _ in range(2):
        sockets[0].wait_for("chat:new")
    with outage.redis_killed():
        for number in range(101):
            alice.send(full, str(number))
        for number in range(100):
            alice.send(other, str(number))
    assert sockets[0].wait_for("resync") == {"chatIds": [full], "all": False}
    sockets[0].wait_for("message:new", lambda m: m["content"] == "99")
    alice.send(full, "live again")
    sockets[0].wait_for("message:new", lambda m: m["content"] == "live again")
    assert [m["chatId"] for _, m in sockets[0].received("message:new")] == [other] * 100 + [full]


def test_a_socket_that_connects_during_an_outage_gets_no_backlog(
    outage: Outage, alice: Person, people: list[Person], sockets: list[SocketClient], js_driver: JsDriver
) -> None:
    bob = people[0]
    chat = alice.direct_chat(bob)
    sockets[0].wait_for("chat:new")
    with outage.redis_killed():
        alice.send(chat, "before")
        late = js_driver.connect(bob.url, bob.token)
        alice.send(chat, "after")
    for socket in (sockets[0], late):
        socket.wait_for("message:new", lambda m: m["content"] == "after")
    assert [m["content"] for _, m in late.received("message:new")] == ["after"]
    assert [m["content"] for _, m in sockets[0].received("message:new")] == ["before", "after"]
    late.disconnect()


def test_demotion_during_an_outage_applies_afterwards(
    outage: Outage, site_url: str, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    bob = people[0]
    with psycopg2.connect(site_url.replace("+psycopg2", "", 1)) as db, db.cursor() as cursor:
        cursor.execute("UPDATE users SET role = 'ADMIN' WHERE id = %s", (alice.id,))
    chat = alice.direct_chat(bob)
    messages = [alice.send(chat, str(number))["id"] for number in range(2)]
    data(alice.patch(f"/admin/users/{bob.id}", {"role": "MODERATOR"}))
    assert sockets[0].call("message:delete", {"messageId": messages[0]})["ok"]
    with outage.redis_killed():
        data(alice.patch(f"/admin/users/{bob.id}", {"role": "USER"}))
    refused = sockets[0].call("message:delete", {"messageId": messages[1]})
    assert refused["error"]["code"] == "forbidden"


def test_lost_change_is_replayed_before_the_next_one(
    site_url: str, alice: Person, people: list[Person], sockets: list[SocketClient]
) -> None:
    bob = people[0]
    chat = alice.direct_chat(bob)
    sockets[0].wait_for("chat:new")
    # Committed by a worker that was killed before it published.
    with psycopg2.connect(site_url.replace("+psycopg2", "", 1)) as db, db.cursor() as cursor:
        cursor.execute("UPDATE chats SET last_seq = 1, last_rev = 2 WHERE id = %s", (chat,))
        cursor.execute(
            "INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)"
            " VALUES (gen_random_uuid(), %s, 1, 2, %s, 'lost')",
            (chat, alice.id),
        )
    alice.send(chat, "next")
    assert [sockets[0].wait_for("message:new")["content"] for _ in range(2)] == ["lost", "next"]


def seconds_to_remove(owner: Person, chat: str, member: Person) -> float:
    began = time.monotonic()
    assert owner.delete(f"/chats/{chat}/members/{member.id}").status_code == 204
    return time.monotonic() - began


def test_a_worker_that_went_silent_delays_no_further_removals(
    outage: Outage, machines: tuple[Server, Server], alice: Person, people: list[Person]
) -> None:
    chat = group(alice, *people)
    with outage.worker_suspended():
        assert 1 < seconds_to_remove(alice, chat, people[0]) < 7
        # Redis still counts its connection.
        assert seconds_to_remove(alice, chat, people[1]) < 1


def test_while_redis_hangs_sends_are_acknowledged_at_once_and_removals_soon(
    outage: Outage, alice: Person, people: list[Person]
) -> None:
    chat = group(alice, *people)
    with outage.redis_suspended():
        began = time.monotonic()
        alice.send(chat, "stored")
        assert time.monotonic() - began < 1
        # At first all workers have to notice that they are disconnected.
        assert seconds_to_remove(alice, chat, people[0]) < 7
        assert seconds_to_remove(alice, chat, people[1]) < 3


def test_after_a_restart_of_redis_each_worker_reads_the_database_once(
    site_url: str, valkey: EmbeddedValkey, machines: tuple[Server, Server], outage: Outage, tmp_path: Path
) -> None:
    with Server(site_url, tmp_path, REDIS_URL=valkey.url, WEB_CONCURRENCY="2") as more:
        servers = (*machines, more)
        eventually(lambda: more.log.count("rooms_reconciled") == 2, 15)
        people = [register(server.url) for server in servers]
        chat = group(*people)
        # Beats tell workers the positions of the others; no event does.
        time.sleep(2 * BEAT_SECONDS)
        before = [server.log.count("rooms_reconciled") for server in servers]
        with outage.redis_killed():
            for person in people:
                person.send(chat, "dropped by this worker")
        eventually(lambda: more.log.count("redis_connected") == 4, 15)
        time.sleep(2)
        after = [server.log.count("rooms_reconciled") for server in servers]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 2]
