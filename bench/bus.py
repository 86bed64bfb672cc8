"""`python -m bench.bus`: what an event costs the workers and Redis, for `bench/capacity.py`.

Each figure is CPU time, without a server: the bus of one worker in this process, Redis, and a process that publishes.
"""

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import psutil
import redis
import structlog

from chatapp.compat.redis import Topology, encode, encode_publish
from chatapp.core import events
from chatapp.core.ids import new_id
from chatapp.fanout.bus import Bus
from chatapp.fanout.chat_channels import channel_of
from chatapp.fanout.order import ChatOrder
from chatapp.features.messages.events import MessageEdited
from chatapp.launcher.valkey import EmbeddedValkey

CHATS = 200
EVENTS = 20_000
# Events of different chats in one turn of the loop.
AT_ONCE = 8
SUBSCRIPTIONS = 100_000
PAYLOAD: Any = {
    "id": new_id(),
    "chatId": new_id(),
    "seq": 1,
    "rev": 2,
    "type": "TEXT",
    "content": "the quick brown fox jumps over the lazy dog, number 12345678",
    "sender": {"id": new_id(), "username": "someone", "displayName": "Some One", "avatarUrl": None},
    "createdAt": "2026-11-29T12:00:00.000Z",
    "editedAt": None,
    "deletedAt": None,
}


class Worker:
    """The bus of a worker that is subscribed to chats."""

    def __init__(self, url: str, chats: list[str]) -> None:
        self.order = ChatOrder()
        for chat_id in chats:
            self.order.track(chat_id, 0, 0)
        self.received = 0
        self.bus = Bus(url, new_id(), self._receive, _ignore, _ignore, self.order, _ignore)
        for task, seconds in ((self.bus.read, 1.0), (self.bus.beat, 1.0)):
            gevent.spawn(_repeat, task, seconds)
        while not self.bus.connected:
            gevent.sleep(0.05)

    def _receive(self, _line: bytes) -> None:
        self.received += 1


def _ignore(*_arguments: object) -> None:
    pass


def _repeat(task: Callable[[], None], seconds: float) -> None:
    while True:
        task()
        gevent.sleep(seconds)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def publish(worker: Worker, chats: list[str]) -> float:
    """CPU µs of a worker per published event, with its encoding."""
    began = time.process_time()
    for number in range(EVENTS):
        worker.bus.share(MessageEdited(chats[number % CHATS], number, PAYLOAD))
        if number % AT_ONCE == AT_ONCE - 1:
            # Until the previous group is published.
            while len(worker.bus._publisher._batcher):
                gevent.sleep(0.0002)
    gevent.sleep(0.5)
    return (time.process_time() - began) / EVENTS * 1e6


def receive(worker: Worker, url: str, chats: list[str], sender: str) -> float:
    """CPU µs of a worker per received event, without its dispatch; `sender` may be the worker itself."""
    before, began, read = worker.received, time.process_time(), worker.bus._shards.bytes_read
    with subprocess.Popen([sys.executable, "-m", "bench.bus", "publish", url, sender, *chats]) as other:
        while other.poll() is None:
            gevent.sleep(0.1)
    gevent.sleep(0.5)
    assert worker.received - before == EVENTS or sender == worker.bus._id.decode(), "events are missing"
    assert worker.bus._shards.bytes_read - read > EVENTS * 100
    return (time.process_time() - began) / EVENTS * 1e6


def flood(url: str, sender: str, chats: list[str]) -> None:
    """Publish events as another worker does, in groups."""
    topology = Topology(url, timeout=5)
    topology.discover()
    link = topology.link(None, 5)
    link.open()
    line = b"%s\n%s" % (sender.encode(), events.encode(MessageEdited(chats[0], 1, PAYLOAD)))
    for start in range(0, EVENTS, AT_ONCE):
        link.send(b"".join(encode_publish(channel_of(chats[(start + n) % len(chats)]), line) for n in range(AT_ONCE)))
        link.replies(AT_ONCE)


def redis_cost(server: psutil.Process, url: str, chats: list[str], receivers: int) -> float:
    """CPU µs of Redis per event with so many receivers."""
    topology = Topology(url, timeout=5)
    topology.discover()
    links = [topology.link(None, 30) for _ in range(receivers)]
    for link in links:
        link.open()
        link.send(b"".join(encode(b"SSUBSCRIBE", channel_of(chat_id)) for chat_id in chats))
    drains = [gevent.spawn(_repeat, link.messages, 0) for link in links]
    gevent.sleep(0.5)
    before = _cpu(server)
    with subprocess.Popen([sys.executable, "-m", "bench.bus", "publish", url, new_id(), *chats]) as other:
        while other.poll() is None:
            gevent.sleep(0.1)
    gevent.sleep(0.5)
    spent = (_cpu(server) - before) / EVENTS * 1e6
    gevent.killall(drains)
    for link in links:
        link.close()
    return spent


def main() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(Path(folder)) as valkey:
        server, chats = psutil.Process(valkey.pid), [new_id() for _ in range(CHATS)]
        figures: dict[str, float] = {}
        worker = Worker(valkey.url, [])
        figures["publish"] = publish(worker, chats)
        listener = Worker(valkey.url, chats)
        figures["receive"] = receive(listener, valkey.url, chats, new_id())
        figures["receive its own"] = receive(listener, valkey.url, chats, listener.bus._id.decode())
        for receivers in (0, 1, 10):
            others = [new_id() for _ in range(CHATS)]
            figures[f"Redis, {receivers} receivers"] = redis_cost(server, valkey.url, others, receivers)
        client = redis.Redis.from_url(valkey.url, protocol=2)
        memory = client.info("memory")["used_memory"]
        before, began = _cpu(server), time.process_time()
        new = {new_id() for _ in range(SUBSCRIPTIONS)}
        for chat_id in new:
            listener.order.track(chat_id, 0, 0)
        while listener.bus.chats.requested:
            gevent.sleep(0.1)
        figures["subscribe"] = (time.process_time() - began) / SUBSCRIPTIONS * 1e6
        figures["Redis, subscribe"] = (_cpu(server) - before) / SUBSCRIPTIONS * 1e6
        for name, micros in figures.items():
            print(f"{name:<24} {micros:8.2f} µs")
        print(
            f"{'Redis, a subscription':<24} {(client.info('memory')['used_memory'] - memory) / SUBSCRIPTIONS:8.0f} bytes"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["publish"]:
        flood(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        main()
