"""A worker receives the events of its chats only, and misses none while sockets come and go."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest

from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import NewDatabase
from tests.edited import EditedServer
from tests.metrics import number, scrape
from tests.multiworker.test_machines import wait_until_ready
from tests.multiworker.test_replay import suspended
from tests.people import Person, data, register
from tests.server import Server
from tests.socket_clients import JsDriver, SocketClient
from tests.waiting import eventually

MACHINES = 3
UNSUBSCRIBE_DELAY = 2.0
SHORT = f"from chatapp.fanout import chat_channels\nchat_channels.UNSUBSCRIBE_DELAY = {UNSUBSCRIBE_DELAY}"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@contextmanager
def connected_machines(database_url: str, folder: Path, seconds: float = 10, **changes: str) -> Iterator[list[Server]]:
    """Three connected servers with one worker each, ready within some seconds; no test may make them log an error.

    Subscriptions outlive the last socket of their chat for less time than in production.
    """
    with ExitStack() as started:
        machines: list[Server] = [
            started.enter_context(EditedServer(database_url, folder, SHORT, **changes)) for _ in range(MACHINES)
        ]
        for server in machines:
            wait_until_ready(server, seconds)
        yield machines
    for server in machines:
        assert not server.errors_in_log()


@pytest.fixture(scope="module")
def machines(
    valkey: EmbeddedValkey, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Server]]:
    """Servers on one Valkey."""
    folder = tmp_path_factory.mktemp("channels")
    with connected_machines(new_database("chat_channels"), folder, REDIS_URL=valkey.url) as machines:
        yield machines


def group(owner: Person, *members: Person) -> str:
    return str(data(owner.post("/chats/groups", {"name": "x", "memberIds": [each.id for each in members]}))["id"])


def received(server: Server) -> float:
    """How many events of other workers a server received."""
    time.sleep(1.2)  # Its metrics are published each second.
    return number(scrape(server.url), "chat_queue_events_total")


def test_a_worker_receives_only_events_of_its_chats(machines: list[Server], js_driver: JsDriver) -> None:
    alice, bob, carol = (register(server.url) for server in machines)
    chat = group(alice, bob)
    other = group(alice, carol)
    sockets = [js_driver.connect(person.url, person.token) for person in (alice, bob, carol)]
    before = [received(server) for server in machines]
    for count in range(50):
        sockets[0].call("message:send", {"chatId": chat, "content": str(count)})
    for count in range(5):
        sockets[0].call("message:send", {"chatId": other, "content": str(count)})
    assert [sockets[1].wait_for("message:new")["seq"] for _ in range(50)] == list(range(1, 51))
    assert [sockets[2].wait_for("message:new")["seq"] for _ in range(5)] == list(range(1, 6))
    # Carol's own 5 messages, and acknowledgements or presence.
    for server, then, least in zip(machines[1:], before[1:], (50, 5), strict=True):
        eventually(lambda server=server, then=then, least=least: received(server) - then >= least, 20)  # type: ignore[misc]
    assert received(machines[2]) - before[2] < 15
    eventually(lambda: [number(scrape(server.url), "chat_queue_chats") for server in machines] == [2, 1, 1], 20)
    for socket in sockets:
        socket.disconnect()


class Talk:
    """Messages in several chats, one after the other in each, `pause` seconds apart, until `stop`."""

    def __init__(self, senders: list[Person], chats: list[str], pause: float = 0.02) -> None:
        self.pause = pause
        self._ended = Event()
        self._pool = ThreadPoolExecutor(len(chats))
        self._sent: list[Future[int]] = [
            self._pool.submit(self._send, senders[number % len(senders)], chat_id)
            for number, chat_id in enumerate(chats)
        ]

    def _send(self, sender: Person, chat_id: str) -> int:
        sent = 0
        while not self._ended.is_set():
            sent = sender.send(chat_id, "x" * 20)["seq"]
            self._ended.wait(self.pause)
        return sent

    @contextmanager
    def slowed(self) -> Iterator[None]:
        """Send few messages in the meantime."""
        usual, self.pause = self.pause, 0.3
        yield
        self.pause = usual

    def stop(self) -> list[int]:
        """The last `seq` of each chat."""
        self._ended.set()
        with self._pool:
            return [sent.result() for sent in self._sent]


def test_no_message_is_lost_while_sockets_come_and_go(machines: list[Server], js_driver: JsDriver) -> None:
    alice, bob = register(machines[0].url, "alice"), register(machines[1].url, "bob")
    readers = [register(machines[2].url, f"reader{count}") for count in range(4)]
    chats = [group((alice, bob)[count % 2], *(alice, bob), *readers) for count in range(4)]
    talk = Talk([alice, bob], chats)
    open_sockets: list[tuple[SocketClient, dict[str, int]]] = []
    # The last turns leave sockets open.
    for turn in range(27):
        reader = readers[turn % len(readers)]
        opened = js_driver.connect(reader.url, reader.token, transports=["websocket"])
        open_sockets.append((opened, newest(reader, chats)))
        leaving = []
        if turn % 8 == 7:
            leaving, open_sockets = open_sockets, []
        elif len(open_sockets) > turn % 3:
            # Sometimes no socket is left: the subscriptions outlive them for a while, and begin again.
            leaving = [open_sockets.pop(0)]
        sent = newest(reader, chats)
        for socket, known in leaving:
            wait_for_all(socket, known, sent)
            socket.disconnect()
        if turn % 8 == 7:
            with talk.slowed():
                time.sleep(UNSUBSCRIBE_DELAY + 2)
    ends = dict(zip(chats, talk.stop(), strict=True))
    assert open_sockets
    for socket, known in open_sockets:
        wait_for_all(socket, known, ends)
        socket.disconnect()
    assert number(scrape(machines[2].url), "chat_queue_connected") == 1


def newest(person: Person, chats: list[str]) -> dict[str, int]:
    """The last `seq` of each chat."""
    return {chat_id: int(data(person.get(f"/chats/{chat_id}"))["lastSeq"]) for chat_id in chats}


def wait_for_all(socket: SocketClient, known: dict[str, int], sent: dict[str, int]) -> None:
    """Wait for the messages up to `sent`: those of each chat arrive in order and once, from at most the one after those
    that the client knew."""
    for chat_id, last in sent.items():
        if last > known[chat_id]:
            socket.wait_for("message:new", lambda m, end=(chat_id, last): (m["chatId"], m["seq"]) == end)  # type: ignore[misc]
        seqs = [m["seq"] for _, m in socket.received("message:new") if m["chatId"] == chat_id]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) if seqs else last == known[chat_id]
        assert not seqs or seqs[0] <= known[chat_id] + 1


def test_messages_before_the_subscription_are_replayed(
    machines: list[Server], valkey: EmbeddedValkey, js_driver: JsDriver
) -> None:
    alice, bob = (register(server.url) for server in machines[:2])
    socket = js_driver.connect(bob.url, bob.token)
    for _ in range(3):
        # Redis gets the new chat and its messages at once, before the worker of bob can subscribe to it.
        with suspended(valkey.pid):
            chat = group(alice, bob)
            for number in range(3):
                alice.send(chat, str(number))
        assert socket.wait_for("chat:new")["id"] == chat
        assert [socket.wait_for("message:new")["seq"] for _ in range(3)] == [1, 2, 3]
    socket.disconnect()


def test_a_socket_opens_when_it_can_receive_receipts(
    machines: list[Server], valkey: EmbeddedValkey, js_driver: JsDriver
) -> None:
    alice, bob = (register(server.url) for server in machines[:2])
    bob.direct_chat(alice)
    with ThreadPoolExecutor(1) as pool:
        with suspended(valkey.pid):
            opening = pool.submit(js_driver.connect, bob.url, bob.token, transports=["websocket"])
            time.sleep(0.7)
            assert not opening.done()
        opening.result(10).disconnect()


def test_a_receipt_right_after_the_connection_arrives(machines: list[Server], js_driver: JsDriver) -> None:
    alice = register(machines[0].url, "alice")
    for _ in range(15):
        bob = register(machines[1].url, "bob")
        chat = bob.direct_chat(alice)
        sent = bob.send(chat, "Hello")
        socket = js_driver.connect(bob.url, bob.token, transports=["websocket"])
        assert alice.post(f"/messages/{chat}/read", {}).ok
        assert socket.wait_for("messages:read")["readSeq"] == sent["seq"]
        socket.disconnect()


def test_a_chat_without_sockets_is_unsubscribed(machines: list[Server], js_driver: JsDriver) -> None:
    alice, bob = (register(server.url) for server in machines[:2])
    alice.direct_chat(bob)

    def chats() -> float:
        return number(scrape(machines[1].url), "chat_queue_chats")

    eventually(lambda: chats() == 0, 20)
    socket = js_driver.connect(bob.url, bob.token)
    eventually(lambda: chats() == 1, 20)
    socket.disconnect()
    eventually(lambda: chats() == 0, 20)
