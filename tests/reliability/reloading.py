"""Clients that go on while a server is reloaded, and what they notice of it."""

import os
import signal
import threading
import time
from collections.abc import Callable

import psutil
import requests

from tests.people import Person
from tests.server import Server
from tests.socket_clients import SocketClient
from tests.waiting import eventually

# A client's own share of the time that it is away.
DELAY_SECONDS = 0.1
TRANSPORTS: list[list[str] | None] = [["polling"], ["websocket"], None]


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
        verify = str(person.certificate) if person.certificate else True
        with requests.Session() as session:
            session.trust_env = False
            session.verify = verify
            while not self._ended.wait(0.05):
                try:
                    get = session.get if kept_alive else requests.get
                    response = get(f"{person.url}{path}", headers=headers, timeout=20, verify=verify)
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
