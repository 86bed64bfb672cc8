"""What workers publish, receive and drop, on a single server and on a Cluster."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import pytest
import redis
from gevent.event import Event
from gevent.server import StreamServer

from chatapp.compat.redis import Message, Topology, encode, encode_publish, parse, slot_of
from chatapp.core import events
from chatapp.core.errors import Unavailable
from chatapp.core.ids import new_id
from chatapp.fanout import bus as bus_module
from chatapp.fanout import chat_channels
from chatapp.fanout.bus import Bus
from chatapp.fanout.chat_channels import ChatChannels, channel_of
from chatapp.fanout.order import ChatOrder
from chatapp.fanout.publisher import CHANNEL, MAX_WAITING
from chatapp.fanout.shards import Shards
from chatapp.launcher.valkey import EmbeddedValkey
from tests.redis_cluster import RedisCluster
from tests.server import free_port


@dataclass(frozen=True, slots=True)
class Changed(events.Announced):
    """A chat changed."""

    chat_id: str
    rev: int


@dataclass(frozen=True, slots=True)
class Said(events.Announced):
    """A change that matters only within a chat."""

    within_chat = True
    chat_id: str
    rev: int


@dataclass(frozen=True, slots=True)
class Left(events.Announced):
    """A change that every worker must have applied."""

    awaited = True
    chat_id: str
    rev: int


class Queue:
    """The published lines; the queue has the given length."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.waiting = 0

    def __len__(self) -> int:
        return self.waiting

    def put(self, outgoing: tuple[bytes, Any]) -> None:
        self.lines.append(outgoing[0])


@pytest.fixture
def queue() -> Queue:
    return Queue()


def nothing(*_arguments: object) -> None:
    pass


@pytest.fixture
def bus(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Bus:
    """The bus of a connected worker."""
    bus = Bus("redis://127.0.0.1:1", new_id(), nothing, nothing, nothing, ChatOrder(), nothing)
    monkeypatch.setattr(bus._publisher, "_batcher", queue)
    bus._publisher.is_open = bus._connected = True
    bus._restart_clock()
    return bus


def test_dropped_events_make_others_reconcile(bus: Bus, queue: Queue) -> None:
    queue.waiting = MAX_WAITING
    bus.share(Changed("chat", 7))
    assert not queue.lines
    bus.beat()
    bus.beat()
    assert queue.lines == [b"", b"hello 1", b""]


def test_dropped_events_of_a_chat_make_others_reconcile(bus: Bus, queue: Queue) -> None:
    queue.waiting = MAX_WAITING
    bus.share(Said("chat", 7))
    bus.beat()
    assert queue.lines == [b"", b"hello 1"]


def test_no_reconcile_without_a_loss(bus: Bus, queue: Queue) -> None:
    bus.share(Changed("chat", 7))
    bus.beat()
    assert [line.split(b" ")[0] for line in queue.lines] == [b"-", b""]


def test_messages_are_parsed_wherever_a_read_ends() -> None:
    stream = (
        b"*3\r\n$10\r\nssubscribe\r\n$4\r\nchat\r\n:1\r\n"
        b"*3\r\n$8\r\nsmessage\r\n$4\r\nchat\r\n$7\r\na\r\n-b\nc\r\n"
        b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
        b"+PONG\r\n"
        b"*3\r\n$12\r\nsunsubscribe\r\n$4\r\nchat\r\n:0\r\n"
        b"*3\r\n$8\r\nsmessage\r\n$4\r\nchat\r\n$0\r\n\r\n"
    )
    expected: list[Message] = [
        (b"ssubscribe", b"chat", b"1"),
        (b"smessage", b"chat", b"a\r\n-b\nc"),
        (b"pong", b"", b""),
        (b"pong", b"", b""),
        (b"sunsubscribe", b"chat", b"0"),
        (b"smessage", b"chat", b""),
    ]
    for size in (1, 2, 3, 7, 1000):
        found: list[Message] = []
        unread = b""
        for start in range(0, len(stream), size):
            unread += stream[start : start + size]
            messages, length, missing = parse(unread)
            found += messages
            unread = unread[length:]
            assert missing > 0
        assert found == expected
        assert not unread
    messages, length, _ = parse(stream + b"-MOVED 1 127.0.0.1:1\r\n" + stream)
    assert (messages, length) == (expected, len(stream))


@dataclass
class Worker:
    """A worker on the bus: the chats to compare, and the events that it received."""

    url: str
    order: ChatOrder = field(default_factory=ChatOrder)
    received: list[tuple[str, str]] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    connects: int = 0
    losses: int = 0

    def __post_init__(self) -> None:
        self.id = new_id()
        self.bus = Bus(self.url, self.id, self._receive, self._on_state, self._on_loss, self.order, self._compare)
        self._tasks = [gevent.spawn(self._repeat, self.bus.read, 0.05), gevent.spawn(self._repeat, self.bus.beat, 0.2)]

    def _receive(self, line: bytes) -> None:
        name, chat_id, fields = line.split(b" ", 2)
        self.received.append((name.decode(), (chat_id or fields).decode()))

    def _on_state(self, connected: bool, _seconds: float) -> None:
        self.connects += connected

    def _on_loss(self) -> None:
        self.losses += 1

    def _compare(self, chat_ids: Any) -> None:
        self.compared += chat_ids

    @staticmethod
    def _repeat(task: Callable[[], None], seconds: float) -> None:
        while True:
            task()
            gevent.sleep(seconds)

    def stop(self) -> None:
        """End the connections."""
        gevent.killall(self._tasks)

    def of(self, chat_id: str) -> int:
        """How many events of a chat were received."""
        return sum(chat == chat_id for _, chat in self.received)


def until(happened: Callable[[], object], seconds: float = 10) -> None:
    """Wait until it has happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it has not happened"
        gevent.sleep(0.01)


NewWorker = Callable[[str], Worker]


@pytest.fixture
def new_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[NewWorker]:
    """Starts connected workers in this process, whose sockets are gevent's."""
    monkeypatch.setattr("redis.connection.socket", gevent.socket)
    made: list[Worker] = []

    def start(url: str) -> Worker:
        made.append(Worker(url))
        until(lambda: made[-1].bus.connected)
        return made[-1]

    yield start
    for worker in made:
        worker.stop()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(params=["server", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """A single server, then a Cluster of three nodes."""
    name = "valkey" if request.param == "server" else "cluster"
    return str(request.getfixturevalue(name).url)


def test_a_worker_receives_only_events_of_its_chats(url: str, new_worker: NewWorker) -> None:
    one, two, three = (new_worker(url) for _ in range(3))
    chats = [new_id() for _ in range(30)]
    for chat_id in chats[:20]:
        two.order.track(chat_id, 0, 0)
    for chat_id in chats[10:]:
        three.order.track(chat_id, 0, 0)
    for worker in (two, three):
        worker.bus.chats.wait(set(chats))
    for rev in (1, 2):
        for chat_id in chats:
            one.bus.share(Said(chat_id, rev))
    one.bus.share(Changed("common", 1))
    until(lambda: len(two.received) == len(three.received) == 41)
    assert {chat for _, chat in two.received} > set(chats[:20])
    assert not {chat for _, chat in two.received} & set(chats[20:])
    assert all(three.of(chat_id) == 2 for chat_id in chats[10:])
    assert one.received == []
    assert len(two.bus.chats) == 20


def test_an_awaited_event_is_applied_by_all_workers(url: str, new_worker: NewWorker) -> None:
    workers = [new_worker(url) for _ in range(3)]
    until(lambda: all(len(worker.bus.peers() or ()) == 2 for worker in workers))
    began = time.monotonic()
    workers[0].bus.share(Left("chat", 2))
    assert [len(worker.received) for worker in workers] == [0, 1, 1]
    assert time.monotonic() - began < 1


def test_a_new_subscription_is_compared_with_the_database(url: str, new_worker: NewWorker) -> None:
    worker, chat_id = new_worker(url), new_id()
    worker.order.track(chat_id, 0, 0)
    assert not worker.compared
    worker.bus.chats.wait({chat_id})
    assert len(worker.bus.chats) == 1
    until(lambda: worker.compared == [chat_id])


def test_chats_from_before_an_outage_are_subscribed_before_the_read(url: str, new_worker: NewWorker) -> None:
    worker, chats = new_worker(url), {new_id() for _ in range(2500)}
    for chat_id in chats:
        worker.order.track(chat_id, 0, 0)
    worker.bus.chats.wait(chats)
    worker.compared.clear()
    subscribed: list[int] = []
    worker._on_state = worker.bus._on_state = lambda connected, _seconds: subscribed.append(  # type: ignore[method-assign]
        len(worker.bus.chats) if connected else -1
    )
    worker.bus._fail(redis.ConnectionError())
    until(lambda: subscribed[-1:] == [len(chats)] and worker.bus.connected)
    assert subscribed == [-1, len(chats)]
    assert not worker.compared


def test_a_worker_connects_while_new_chats_are_unconfirmed(
    url: str, new_worker: NewWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, early, late = new_worker(url), new_id(), new_id()
    worker.order.track(early, 0, 0)
    worker.bus.chats.wait({early})
    until(lambda: worker.compared == [early])
    subscribe = worker.bus._shards.subscribe

    def subscribe_later(channels: Iterable[bytes]) -> None:
        wanted = set(channels)
        subscribe(wanted - {channel_of(late)})
        if channel_of(early) in wanted:
            # A socket connects while this worker waits for the chats from before.
            worker.order.track(late, 0, 0)

    monkeypatch.setattr(worker.bus._shards, "subscribe", subscribe_later)
    worker.bus._fail(redis.ConnectionError())
    until(lambda: worker.connects == 2 and worker.bus.connected, 3)
    assert worker.bus.chats.requested == 1
    subscribe([channel_of(late)])
    until(lambda: worker.compared == [early, late])


@contextmanager
def slowed(url: str, rate: float) -> Iterator[str]:
    """The URL of a proxy that passes on at most `rate` bytes per second of what Redis sends on a connection."""
    address = url.removeprefix("redis://").partition("/")[0].rsplit("@")[-1].split(":")

    def connected(client: Any, _address: object) -> None:
        with gevent.socket.create_connection((address[0], int(address[1]))) as server:

            def send() -> None:
                while sent := client.recv(65536):
                    server.sendall(sent)

            sending = gevent.spawn(send)
            try:
                while received := server.recv(4096):
                    gevent.sleep(len(received) / rate)
                    client.sendall(received)
            except OSError:
                pass
            finally:
                sending.kill()

    proxy = StreamServer(("127.0.0.1", 0), connected)
    proxy.start()
    try:
        yield url.replace(":".join(address), f"127.0.0.1:{proxy.server_port}")
    finally:
        proxy.stop()


def test_beats_come_back_while_many_chats_are_subscribed(
    valkey: EmbeddedValkey, new_worker: NewWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "SILENCE_SECONDS", 2.0)
    monkeypatch.setattr(chat_channels, "MAX_UNCONFIRMED", 200)
    # All confirmations take about four seconds, those of a portion a tenth of it.
    with slowed(valkey.url, rate=65_000) as url:
        worker = new_worker(url)
        chats = {new_id() for _ in range(3000)}
        worker.bus._fail(redis.ConnectionError())
        until(lambda: not worker.bus.connected)
        for chat_id in chats:
            worker.order.track(chat_id, 0, 0)
        opened = count_calls(monkeypatch, worker.bus._shards, "open")
        began = time.monotonic()
        until(lambda: worker.bus.connected)
        assert time.monotonic() - began > bus_module.SILENCE_SECONDS
        assert (len(opened), len(worker.bus.chats), worker.compared) == (1, len(chats), [])


@pytest.mark.parametrize("has_room", [True, False])
def test_connections_outlive_an_outage_of_the_database(
    url: str, has_room: bool, new_worker: NewWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_room:
        monkeypatch.setattr(bus_module, "MAX_EARLY_BYTES", 0)
    monkeypatch.setattr(bus_module, "READ_RETRY_SECONDS", 0.3)
    one, two, chat_id = new_worker(url), new_worker(url), new_id()
    two.order.track(chat_id, 0, 0)
    two.bus.chats.wait({chat_id})
    reads: list[bool] = []

    def on_state(connected: bool, _seconds: float) -> None:
        if connected:
            reads.append(two.bus.connected)
            one.bus.share(Said(chat_id, len(reads)))
            gevent.sleep(0.1)
            if len(reads) < 4:
                raise Unavailable("The database is away.")

    monkeypatch.setattr(two.bus, "_on_state", on_state)
    opened = count_calls(monkeypatch, two.bus._shards, "open")
    two.bus._fail(redis.ConnectionError())
    until(lambda: len(reads) == 4 and two.bus.connected)
    assert len(opened) == 1
    assert (two.of(chat_id), two.losses) == ((4, 0) if has_room else (0, 1))
    # No worker was forgotten. Those of the test before may still count as peers.
    assert {two.id} <= (one.bus.peers() or set())
    assert {one.id} <= (two.bus.peers() or set())
    two.bus.share(Left("chat", 2))
    assert len(one.received) == 1


def count_calls(monkeypatch: pytest.MonkeyPatch, target: object, name: str) -> list[None]:
    """Gets an item for each call of a method from now on."""
    calls: list[None] = []
    method = getattr(target, name)

    def counted(*arguments: Any) -> Any:
        calls.append(None)
        return method(*arguments)

    monkeypatch.setattr(target, name, counted)
    return calls


class Unconfirmed:
    """Redis before it confirms anything."""

    def subscribe(self, channels: Iterable[bytes]) -> None:
        pass

    def unsubscribe(self, channels: Iterable[bytes]) -> None:
        pass


def test_a_waiting_socket_wakes_for_its_own_chats_only(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[None] = []

    class CountedEvent(Event):  # type: ignore[misc]
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(None)
            return bool(super().wait(timeout))

    monkeypatch.setattr(chat_channels, "Event", CountedEvent)
    order = ChatOrder()
    channels = ChatChannels(order, Unconfirmed(), nothing)
    channels.open(nothing)
    chats = [str(number) for number in range(200)]
    for chat_id in chats:
        order.track(chat_id, 0, 0)
    own = set(chats[-2:])
    sockets = [gevent.spawn(channels.wait, own) for _ in range(3)]
    for chat_id in chats:
        gevent.sleep(0)
        assert not any(socket.ready() for socket in sockets)
        channels.confirmed(channel_of(chat_id))
    gevent.joinall(sockets, timeout=1)
    assert all(socket.successful() for socket in sockets)
    assert len(waits) <= len(sockets) * len(own)


@pytest.mark.parametrize("end", ["close", "end_idle"])
def test_a_socket_does_not_wait_for_a_subscription_that_has_ended(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_channels, "UNSUBSCRIBE_DELAY", 0.0)
    order = ChatOrder()
    channels = ChatChannels(order, Unconfirmed(), nothing)
    channels.open(nothing)
    order.track("chat", 0, 0)
    waiting = gevent.spawn(channels.wait, {"chat"})
    gevent.sleep(0.01)
    order.forget("chat")
    gevent.sleep(0.01)
    getattr(channels, end)()
    waiting.get(timeout=0.5)


def test_a_subscription_outlives_its_last_subscriber(
    url: str, new_worker: NewWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_channels, "UNSUBSCRIBE_DELAY", 1.0)
    one, two, chat_id = new_worker(url), new_worker(url), new_id()
    two.order.track(chat_id, 0, 0)
    two.bus.chats.wait({chat_id})
    two.order.forget(chat_id)
    one.bus.share(Said(chat_id, 1))
    until(lambda: two.of(chat_id) == 1)
    # What arrived without a subscriber was not emitted.
    two.compared.clear()
    two.order.track(chat_id, 0, 0)
    until(lambda: two.compared == [chat_id])
    two.order.forget(chat_id)
    until(lambda: not len(two.bus.chats))
    gevent.sleep(0.1)
    one.bus.share(Said(chat_id, 2))
    gevent.sleep(0.2)
    assert two.of(chat_id) == 1
    two.order.track(chat_id, 0, 0)
    two.bus.chats.wait({chat_id})
    one.bus.share(Said(chat_id, 3))
    until(lambda: two.of(chat_id) == 2)
    assert (one.losses, two.losses, two.connects) == (0, 0, 1)


def test_subscriptions_come_and_go_in_any_order(
    url: str, new_worker: NewWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_channels, "UNSUBSCRIBE_DELAY", 0.0)
    one, two = new_worker(url), new_worker(url)
    chats, dice = [new_id() for _ in range(50)], random.Random(3)
    for number in range(2000):
        chat_id = dice.choice(chats)
        if chat_id in two.order:
            two.order.forget(chat_id)
        else:
            two.order.track(chat_id, 0, 0)
        if number % 40 == 0:
            two.bus.chats.end_idle()
            gevent.sleep(dice.choice([0, 0.002]))
    tracked = set(two.order)
    two.bus.chats.wait(tracked)
    until(lambda: not two.bus.chats.requested and len(two.bus.chats) == len(tracked))
    two.received.clear()
    for chat_id in chats:
        one.bus.share(Said(chat_id, 1))
    until(lambda: len(two.received) >= len(tracked))
    gevent.sleep(0.1)
    assert {chat for _, chat in two.received} == tracked


def test_a_slot_moves_and_its_chats_are_compared(cluster: RedisCluster, new_worker: NewWorker) -> None:
    one, two = new_worker(cluster.url), new_worker(cluster.url)
    moving = slot_of(channel_of("a"))
    assert moving != slot_of(CHANNEL)
    chats = ["a", *(new_id() for _ in range(20))]
    for chat_id in chats:
        two.order.track(chat_id, 0, 0)
    two.bus.chats.wait(set(chats))
    until(lambda: len(two.compared) == len(chats))
    for rev in range(1, 4):
        two.compared.clear()
        cluster.move(moving)
        until(lambda: two.compared == ["a"])
        for chat_id in chats:
            one.bus.share(Said(chat_id, rev))
        until(lambda rev=rev: all(two.of(chat_id) >= rev for chat_id in chats))  # type: ignore[misc]
    assert (one.connects, two.connects) == (1, 1)


def test_workers_reconnect_when_the_slot_of_the_common_channel_moves(
    cluster: RedisCluster, new_worker: NewWorker
) -> None:
    workers = [new_worker(cluster.url) for _ in range(2)]
    cluster.move(slot_of(CHANNEL))
    until(lambda: all(worker.connects == 2 and worker.bus.connected for worker in workers))
    workers[0].bus.share(Changed("common", 1))
    until(lambda: workers[1].of('{"chat_id":"common","rev":1}') == 1)


def test_a_node_of_the_cluster_fails_and_returns(cluster: RedisCluster, new_worker: NewWorker) -> None:
    one, two = new_worker(cluster.url), new_worker(cluster.url)
    chats = [new_id() for _ in range(30)]
    for chat_id in chats:
        two.order.track(chat_id, 0, 0)
    two.bus.chats.wait(set(chats))
    # The one of REDIS_URL: then the others tell where it is.
    cluster.nodes[0].kill()
    until(lambda: not one.bus.connected and not two.bus.connected)
    cluster.nodes[0].start()
    until(lambda: one.bus.connected and two.bus.connected, 30)
    for chat_id in chats:
        one.bus.share(Said(chat_id, 1))
    until(lambda: all(two.of(chat_id) == 1 for chat_id in chats))


def test_each_publication_gets_its_own_replies(cluster: RedisCluster) -> None:
    shards = Shards(cluster.url, timeout=2, silence=2)
    shards.open()
    moved = b"chatapp:moved"
    source = cluster.owner(slot_of(moved))
    names = (b"chatapp:other %d" % number for number in range(1000))
    other = next(name for name in names if cluster.owner(slot_of(name)) is not source)
    target = cluster.move(slot_of(moved))
    port = int(target.url.rsplit(":", 1)[1].split("/")[0])
    shards._topology.nodes = [node for node in shards._topology.nodes if node != ("127.0.0.1", port)]
    waiting = {moved: b"1", other: b"1"}
    with pytest.raises(redis.ConnectionError, match="new node"):
        shards.publish(waiting)
    assert list(waiting) == [moved]
    shards.probe(other)
    assert shards.publish({other: b"2"}) == {other: 1}
    shards.close()


def test_a_cluster_without_slots_is_named(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path, "cluster-enabled yes", f"cluster-port {free_port()}") as node:
        for _ in range(2):
            with pytest.raises(redis.ConnectionError, match="no node with slots"):
                Shards(node.url, timeout=2, silence=2).open()


def test_a_server_without_sharded_channels_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                while said := connection.recv(4096):
                    if b"HELLO" in said:
                        connection.sendall(
                            b"*6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n6.2.14\r\n"
                            b"$4\r\nmode\r\n$10\r\nstandalone\r\n"
                        )
                    else:
                        connection.sendall(b"+OK\r\n" * said.count(b"*"))

        threading.Thread(target=respond, daemon=True).start()
        topology = Topology(f"redis://127.0.0.1:{server.getsockname()[1]}", timeout=2)
        with pytest.raises(redis.RedisError, match=r"redis 6\.2\.14 is too old: Redis 7 or later, or Valkey"):
            topology.discover()


def test_commands_are_encoded() -> None:
    assert encode(b"SSUBSCRIBE", b"chat") == b"*2\r\n$10\r\nSSUBSCRIBE\r\n$4\r\nchat\r\n"
    assert encode_publish(b"chat", b"") == b"*3\r\n$8\r\nSPUBLISH\r\n$4\r\nchat\r\n$0\r\n\r\n"
