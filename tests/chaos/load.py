"""Bounded load tests on loopback: `python -m tests.chaos.load`, which is `make chaos-load`.

During each kind of load two normal users chat. The report has the latency of their messages, and the growth of the
server's memory (one worker).
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from types import TracebackType
from typing import Self

import requests

from chatapp.launcher.postgres import EmbeddedPostgres
from tests.chaos.report import put_table
from tests.fuzz.raw_clients import Ended, RawWebSocket, event, frame
from tests.people import Person, data, register
from tests.server import Server, migrate

MEBI = 1 << 20
AT_ONCE = 32
SOCKETS_OF_ONE = 20
BEGIN, END = "<!-- load: written by `make chaos-load` -->", "<!-- load: end -->"


@dataclass(frozen=True)
class Scale:
    """The amount of each load."""

    stalled: int = 5
    messages: int = 1200
    half_open: int = 1000
    events: int = 20_000
    uploads: int = 60
    storm: int = 2000
    rounds: int = 3
    # How long half-open connections stay.
    seconds: float = 5


SMALL = Scale(messages=500, half_open=300, events=1500, uploads=10, storm=120, rounds=2, seconds=2)
# A load is repeated until the normal users have sent that many messages meanwhile.
MIN_SAMPLES = 5


@dataclass
class Finding:
    """The result of one kind of load: latencies of normal messages in milliseconds, memory growth in bytes."""

    kind: str
    what: str
    messages: int
    p50: float
    p95: float
    p99: float
    grew: int

    def row(self) -> str:
        """A row of the table."""
        figures = f"{self.messages} | {self.p50:.0f} | {self.p95:.0f} | {self.p99:.0f} | {self.grew / MEBI:.1f}"
        return f"| {self.kind} | {self.what} | {figures} |"


class Healthy:
    """Two users, one of whom sends five messages a second, and the time until the other receives them."""

    def __init__(self, server: Server) -> None:
        self._people = [register(server.url, "healthy") for _ in range(2)]
        self._chat = self._people[0].direct_chat(self._people[1])
        self._sockets = [RawWebSocket(server.url).join(person.token) for person in self._people]
        self.seconds: list[float] = []
        self.error: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._talk, name="healthy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(30)
        for each in self._sockets:
            each.connection.close()
        assert self.error is None, f"a healthy person was hurt: {self.error!r}"

    def _talk(self) -> None:
        one, other = self._sockets
        number = 0
        try:
            while not self._stopping.is_set():
                number += 1
                began = time.perf_counter()
                one.write(frame(event("message:send", {"chatId": self._chat, "content": f"{number}"}, ack=str(number))))
                while True:
                    *_, packet = other.until('42/chat,["message:new",')
                    if json.loads(packet.removeprefix("42/chat,"))[1]["content"] == str(number):
                        break
                self.seconds.append(time.perf_counter() - began)
                assert one.acked(str(number))["ok"]
                self._stopping.wait(0.2)
        except Exception as error:
            self.error = error


@contextmanager
def stalled_readers(server: Server, scale: Scale) -> Iterator[str]:
    """Members of a group whose sockets read nothing, while 4 KB messages are sent to it."""
    talker = register(server.url, "talker")
    people = [register(server.url, "stalled") for _ in range(scale.stalled)]
    members = {"name": "Loud", "memberIds": [person.id for person in people]}
    chat = data(talker.post("/chats/groups", members))["id"]
    with ExitStack() as stack:
        for person in people:
            # Data in kernel buffers does not count at the server, so make them as small as possible.
            stalled = stack.enter_context(RawWebSocket(server.url, receive_buffer=4096))
            stalled.join(person.token)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: talker.send(chat, f"{n} " + "x" * 3900), range(scale.messages)))
        yield f"{scale.stalled} that read nothing of {scale.messages * 4 / 1024:.1f} MB each"


@contextmanager
def half_open(server: Server, scale: Scale) -> Iterator[str]:
    """Connections that send nothing, half a request, or nothing after their handshake."""
    opened: list[socket.socket] = []
    words = (b"", b"GET /api/v1/users/me HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"POST /api/v1/auth/login HTTP/1.1\r\n")
    try:
        for number in range(scale.half_open):
            if number % 4 == 3:
                opened.append(RawWebSocket(server.url).connection)
            else:
                connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
                connection.sendall(words[number % 4])
                opened.append(connection)
        time.sleep(scale.seconds)
        yield f"{scale.half_open} connections that are never finished"
    finally:
        for each in opened:
            each.close()


@contextmanager
def flood_of_events(server: Server, scale: Scale) -> Iterator[str]:
    """One user sends as fast as possible over many sockets, far above the limit."""
    person = register(server.url, "flooder")
    chat = data(person.post("/chats/groups", {"name": "Flood"}))["id"]
    packet = frame(event("message:send", {"chatId": chat, "content": "x" * 1000}, ack="1"))

    def flood(_: int) -> None:
        with RawWebSocket(server.url) as flooding, suppress(Ended):
            flooding.join(person.token)
            for _ in range(scale.events // SOCKETS_OF_ONE // 10):
                flooding.write(packet * 10)
                for _ in range(10):
                    flooding.acked("1")

    with ThreadPoolExecutor(SOCKETS_OF_ONE) as pool:
        list(pool.map(flood, range(SOCKETS_OF_ONE)))
    yield f"{scale.events:,} on {SOCKETS_OF_ONE} sockets of one person"


@contextmanager
def flood_of_uploads(server: Server, scale: Scale) -> Iterator[str]:
    """Files of nearly 10 MB, many at a time; each is refused because of its type, after all of it has arrived."""
    people = [register(server.url, "uploader") for _ in range(8)]
    chats = {person.id: data(person.post("/chats/groups", {"name": "Files"}))["id"] for person in people}
    content = b"%PDF-1.7\n" + os.urandom(9 * MEBI) + b"\n%%EOF\n"

    def upload(number: int) -> int:
        person = people[number % len(people)]
        # Every other file has a wrong declared type.
        name = ("large.pdf", "large.png")[number % 2]
        response = requests.post(
            f"{server.url}/api/v1/messages/upload",
            data={"chatId": chats[person.id]},
            files={"file": (name, content)},
            headers={"Authorization": f"Bearer {person.token}"},
            timeout=120,
        )
        return response.status_code

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(upload, range(scale.uploads)))
    assert set(responses) <= {201, 415, 429, 503}, responses
    yield f"{scale.uploads} of 9 MB, 8 at a time"


@contextmanager
def storm(server: Server, scale: Scale) -> Iterator[str]:
    """All users connect, lose the connection and reconnect at once, several times."""
    people: list[Person] = []
    with ThreadPoolExecutor(8) as pool:
        people += pool.map(lambda _: register(server.url, "storm"), range(-(-scale.storm // SOCKETS_OF_ONE)))
    tokens = [person.token for person in people for _ in range(SOCKETS_OF_ONE)][: scale.storm]
    longest = 0.0

    def join(token: str) -> RawWebSocket:
        return RawWebSocket(server.url).join(token)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(scale.rounds):
            began = time.monotonic()
            sockets = list(pool.map(join, tokens))
            longest = max(longest, time.monotonic() - began)
            for each in sockets:
                each.connection.close()
            # The server has to count the closed sockets before their users may open as many again.
            time.sleep(1.5)
    yield f"{scale.storm:,} clients, {scale.rounds} times; all back within {longest:.1f} s"


KINDS: dict[str, Callable[[Server, Scale], AbstractContextManager[str]]] = {
    "slow readers": stalled_readers,
    "half-open connections": half_open,
    "a flood of events": flood_of_events,
    "a flood of uploads": flood_of_uploads,
    "reconnect storms": storm,
}


def measure(server: Server, kind: str, scale: Scale) -> Finding:
    """Measure normal users under a kind of load."""
    # Data that is loaded or cached once does not count as growth.
    with KINDS[kind](server, SMALL if scale is not SMALL else Scale(1, 50, 20, 200, 4, 20, 1, 0)):
        pass
    with Healthy(server) as healthy:
        time.sleep(1)
        before, seen = server.memory(), len(healthy.seconds)
        while len(healthy.seconds) - seen < MIN_SAMPLES:
            with KINDS[kind](server, scale) as what:
                grew = server.memory() - before
        took = healthy.seconds[seen:]
    percentiles = quantiles(took, n=100, method="inclusive")
    p50, p95, p99 = (1000 * percentiles[place - 1] for place in (50, 95, 99))
    return Finding(kind, what, len(took), p50, p95, p99, grew)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server with one worker and the default limits, except for registration and requests."""
    with EmbeddedPostgres(folder / "postgres") as postgres:
        postgres.create_database("chat")
        migrate(postgres.url("chat"), folder)
        limits = {"RATELIMIT_ENABLED": "true", "RATELIMIT_REGISTER": "100000/60s", "RATELIMIT_GLOBAL": "100000/60s"}
        # The load comes from the address of the normal users.
        limits |= {"RATELIMIT_HANDSHAKES": "100000/10s", "MAX_UNAUTHENTICATED": "100000"}
        with Server(postgres.url("chat"), folder, **limits) as server:
            yield server


HEAD = "| load | how much | healthy messages | p50, ms | p95, ms | p99, ms | memory grew by, MB |"


def main() -> int:
    """Run every kind, print the results, and write them to docs/reliability.md."""
    parser = argparse.ArgumentParser(prog="make chaos-load", description=__doc__)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS), help="which of them")
    parser.add_argument("--no-report", action="store_true", help="leave docs/reliability.md as it is")
    wanted = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="chatapp-load-") as folder, serving(Path(folder)) as server:
        for kind in wanted.kinds:
            finding = measure(server, kind, Scale())
            rows.append(finding.row())
            print(rows[-1], flush=True)
        errors_in_log = server.errors_in_log()
    for line in errors_in_log:
        print(line)
    if not wanted.no_report:
        put_table(BEGIN, END, HEAD, rows)
    return 1 if errors_in_log else 0


if __name__ == "__main__":
    sys.exit(main())
