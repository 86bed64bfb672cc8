"""A reload replaces all workers while clients go on: no request fails, and every socket is back within a second."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.multiworker.conftest import eventually
from tests.people import Person, register
from tests.server import ROOT, Server
from tests.socket_clients import JsDriver, PyClient, SocketClient

AWAY_SECONDS = 1.0
# The client's own share of that.
DELAY_SECONDS = 0.1
TRANSPORTS: list[list[str] | None] = [["polling"], ["websocket"], None]


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


class Requests:
    """Threads that send one request after the other, kept alive or each on its own connection; `failures` lists what
    was not a 200."""

    def __init__(self, person: Person) -> None:
        self.failures: list[object] = []
        self.count = 0
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(person, path, kept_alive))
            for path in ("/api/v1/users/me", "/readyz")
            for kept_alive in (True, False)
        ]

    def __enter__(self) -> "Requests":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, person: Person, path: str, kept_alive: bool) -> None:
        headers = {"Authorization": f"Bearer {person.token}"}
        with requests.Session() as session:
            session.trust_env = False
            while not self._ended.wait(0.05):
                try:
                    get = session.get if kept_alive else requests.get
                    response = get(f"{person.url}{path}", headers=headers, timeout=20)
                    if response.status_code != 200:
                        self.failures.append((path, response.status_code, response.text))
                except requests.RequestException as error:
                    self.failures.append((path, kept_alive, error))
                self.count += 1


class Watched:
    """A socket that comes back by itself, and for how long it was away each time."""

    def __init__(self, connect: Callable[..., SocketClient], person: Person, transports: list[str] | None) -> None:
        self.away: list[float] = []
        self._left = 0.0
        options = {"reconnection": True, "reconnection_delay": DELAY_SECONDS, "randomization_factor": 0}
        self.client = connect(person.url, person.token, transports=transports, **options)
        self.client.report_to(self._note)

    def _note(self, what: str, _detail: object) -> None:
        if what == "disconnected":
            self._left = time.monotonic()
        elif what == "connected" and self._left:
            self.away.append(time.monotonic() - self._left)


def workers_of(server: Server) -> set[int]:
    return {child.pid for child in psutil.Process(server.pid).children()}


def reload(server: Server, workers: int) -> None:
    """Return when all workers were replaced."""
    before = workers_of(server)
    os.kill(server.pid, signal.SIGHUP)

    def replaced() -> bool:
        now = workers_of(server)
        return len(now) == workers and not now & before

    eventually(replaced, 150)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_reload_fails_no_request_and_keeps_no_socket_away(
    database_url: str, tmp_path: Path, valkey: EmbeddedValkey, js_driver: JsDriver, workers: int
) -> None:
    queue = {"REDIS_URL": valkey.url} if workers > 1 else {}
    with Server(database_url, tmp_path, WEB_CONCURRENCY=str(workers), MAX_SOCKETS_PER_USER="100", **queue) as server:
        person = register(server.url)
        eventually(lambda: requests.get(f"{server.url}/readyz", timeout=20).ok, 20)
        sockets = [
            Watched(connect, person, transports)
            for transports in TRANSPORTS * 2
            for connect in (js_driver.connect, PyClient.connect)
        ]
        with Requests(person) as traffic:
            reload(server, workers)
            eventually(lambda: all(socket.away and socket.client.connected for socket in sockets), 20)
        for socket in sockets:
            socket.client.flush()
            socket.client.disconnect()
        assert traffic.count > 20
        assert traffic.failures == []
        assert [max(socket.away) for socket in sockets if max(socket.away) > AWAY_SECONDS] == []
        assert not server.complaints()


def test_a_reload_that_can_not_start_leaves_the_server_as_it_was(database_url: str, tmp_path: Path) -> None:
    class Edited(Server):
        """A server of code that the test may break."""

        root = tmp_path / "code"

    Edited.root.mkdir()
    for name in ("chatapp", "config.py", "gunicorn.conf.py", "migrations"):
        (Edited.root / name).symlink_to(ROOT / name)
    wsgi = Edited.root / "wsgi.py"
    wsgi.write_text((ROOT / "wsgi.py").read_text())
    with Edited(database_url, tmp_path) as server:
        before = workers_of(server)
        wsgi.write_text("raise RuntimeError('broken')")
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: "reload_abandoned" in server.log, 20)
        assert workers_of(server) == before
        assert requests.get(f"{server.url}/healthz", timeout=20).ok
        wsgi.write_text((ROOT / "wsgi.py").read_text())
        reload(server, 1)
        assert requests.get(f"{server.url}/healthz", timeout=20).ok
