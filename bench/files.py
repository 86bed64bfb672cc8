"""What uploads do to messages and to memory: `python -m bench.files`.

Starts a PostgreSQL with fsync on and the server on it; two people exchange 50 messages a second over sockets, first by
themselves, then while 20 files of 10 MB are always on their way (by curl). Prints, of each kind of file, the milliseconds
from a message's sending to its delivery (p50, p99, worst), how many files went through, and the server's memory (both its
processes).
"""

import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import psutil
from PIL import Image
from websocket import WebSocket, create_connection

from chatapp.launcher.postgres import EmbeddedPostgres
from tests.people import Person, register
from tests.server import Server, migrate

SECONDS = 10.0
EACH_SECOND = 50
PARALLEL = 20
SIZE = 10 * 2**20


def connect(person: Person) -> WebSocket:
    """A user's socket in `/chat`."""
    socket = create_connection(f"ws{person.url.removeprefix('http')}/socket.io/?EIO=4&transport=websocket")
    socket.recv()
    socket.send("40/chat," + json.dumps({"token": person.token}))
    wait_for(socket, "40/chat,")
    return socket


def wait_for(socket: WebSocket, start: str) -> None:
    """Read up to a packet that begins like this."""
    while not (packet := str(socket.recv())).startswith(start):
        if packet == "2":
            socket.send("3")


def talk(sender: WebSocket, receiver: WebSocket, chat: str) -> list[float]:
    """The milliseconds that messages took to arrive."""
    times = []
    for turn in range(int(SECONDS * EACH_SECOND)):
        began = time.perf_counter()
        sender.send(f"42/chat,{turn}" + json.dumps(["message:send", {"chatId": chat, "content": "Hello"}]))
        wait_for(receiver, '42/chat,["message:new"')
        times.append((time.perf_counter() - began) * 1000)
        wait_for(sender, f"43/chat,{turn}[")
        time.sleep(max(0.0, began + 1 / EACH_SECOND - time.perf_counter()))
    return times


def report(what: str, times: list[float]) -> None:
    """A line of figures."""
    p99 = statistics.quantiles(times, n=100)[98]
    print(f"{what}: p50 {statistics.median(times):.1f} ms, p99 {p99:.1f} ms, worst {max(times):.1f} ms", flush=True)


class Memory:
    """The highest memory of a server since it was last asked, in MB."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._highest = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def highest(self) -> float:
        """That, and reset it."""
        found, self._highest = self._highest, 0.0
        return found

    def _watch(self) -> None:
        while True:
            with suppress(psutil.Error):
                self._highest = max(self._highest, self._server.memory() / 2**20)
            time.sleep(0.02)


def files(folder: Path) -> dict[str, Path]:
    """Files of almost 10 MB: one that is only stored, and photos that are decoded."""
    made = {"pdf": b"%PDF-1.7\n" + os.urandom(SIZE - 1000)}
    for ending, format, size in (("jpg", "JPEG", (5200, 3900)), ("png", "PNG", (2100, 1500))):
        out = BytesIO()
        Image.effect_noise(size, 60).convert("RGB").save(out, format)
        made[ending] = out.getvalue()
        assert SIZE * 0.7 < len(made[ending]) < SIZE, len(made[ending])
    for ending, content in made.items():
        (folder / f"file.{ending}").write_bytes(content)
    return {ending: folder / f"file.{ending}" for ending in made}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedPostgres(folder / "postgres", durable=True) as postgres:
            postgres.create_database("bench")
            url = postgres.url("bench")
            migrate(url, folder)
            # A fork would also hold what its parent has imported.
            Server.from_scratch = True
            with Server(url, folder, APP_ENV="development", LOG_LEVEL="WARNING") as server:
                alice, bob = register(server.url, "alice"), register(server.url, "bob")
                chat, uploads = alice.direct_chat(bob), alice.direct_chat(register(server.url, "carol"))
                sender, receiver = connect(alice), connect(bob)
                talk(sender, receiver, chat)
                memory = Memory(server)
                for kind, path in files(folder).items():
                    memory.highest()
                    report("quiet", talk(sender, receiver, chat))
                    quiet = memory.highest()
                    command = f"yes | xargs -P {PARALLEL} -I NOTHING curl -s -o /dev/null -w '%{{http_code}}\\n'"
                    command += f" -H 'Authorization: Bearer {alice.token}' -F chatId={uploads} -F file=@{path}"
                    command += f" {server.url}/api/v1/messages/upload"
                    load = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, start_new_session=True)
                    time.sleep(1)
                    times = talk(sender, receiver, chat)
                    os.killpg(load.pid, signal.SIGTERM)
                    done = load.communicate()[0].split()
                    report(f"{PARALLEL} uploads of .{kind} at once", times)
                    stored = done.count(b"201")
                    print(f"  {len(done)} files, {stored} stored, memory {quiet:.0f} → {memory.highest():.0f} MB")
                    time.sleep(3)
                for socket in (sender, receiver):
                    socket.close()


if __name__ == "__main__":
    main()
