"""A server with several workers, and a look at its processes."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import Engine, create_engine

from tests.conftest import NewDatabase
from tests.server import Server
from tests.waiting import eventually

WORKERS = 3
POLLING = "/socket.io/?EIO=4&transport=polling"
looks_at_processes = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc is Linux's")


class PollingConnection(HTTPConnection):
    """One connection to a server, never reopened: all requests use it."""

    auto_open = 0

    def __init__(self, server: Server) -> None:
        super().__init__("127.0.0.1", server.port, timeout=20)
        self.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def ask_for_session(self) -> None:
        """Send a request of `session` to the worker that accepts this connection."""
        self.request("GET", POLLING)

    def session(self) -> str:
        """The id of the new Engine.IO session."""
        return str(json.loads(self.getresponse().read()[1:])["sid"])

    def poll(self, sid: str, **headers: str) -> HTTPResponse:
        """Poll a session."""
        self.request("GET", f"{POLLING}&sid={sid}", headers=headers)
        return self.getresponse()

    def post(self, sid: str, packet: str) -> HTTPResponse:
        """Post a packet to a session."""
        self.request("POST", f"{POLLING}&sid={sid}", packet)
        return self.getresponse()


class WorkersServer(Server):
    """A server with `WORKERS` workers."""

    def __init__(self, database_url: str, folder: Path, **changes: str) -> None:
        # Few database connections, so that those of clients can be counted.
        usual = {"WEB_CONCURRENCY": str(WORKERS), "DATABASE_POOL_SIZE": "5", "MAX_SOCKETS_PER_USER": "1000"}
        super().__init__(database_url, folder, **(usual | changes))

    def start(self) -> None:
        """Wait until all workers respond."""
        super().start()
        self.session_in_each_worker()

    def session_in_each_worker(self) -> list[str]:
        """A new session per worker, identified by its id, once all workers respond."""
        sids: dict[str, str] = {}

        def all_responded() -> bool:
            with ExitStack() as opened:
                # Concurrently: of sequential connections most go to the same worker.
                connections = [opened.enter_context(PollingConnection(self)) for _ in range(4 * WORKERS)]
                for connection in connections:
                    connection.ask_for_session()
                sids.update((sid.split(".")[0], sid) for sid in (connection.session() for connection in connections))
            return len(sids) >= WORKERS

        eventually(all_responded, 90)
        return list(sids.values())

    @property
    def workers(self) -> set[int]:
        """The process ids of the workers."""
        assert self._process
        master = self._process.pid
        return {int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()}

    def hang(self, pid: int) -> None:
        """Suspend a worker until SIGCONT; returns once it is suspended."""
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: " T " in Path(f"/proc/{pid}/stat").read_text(), 10)

    def kill_worker(self, pid: int) -> None:
        """Kill a worker; returns once it is dead."""
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in self.workers, 10)

    def reload(self) -> None:
        """Reload the configuration, which replaces the workers."""
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    def descriptors(self) -> dict[int, int]:
        """The number of files and connections that each worker has open."""
        return {pid: len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.workers}


@pytest.fixture(scope="session")
def database_url(new_database: NewDatabase) -> str:
    """The database of these servers: in that of `server` they would take its jobs, whose events it then misses."""
    return new_database("chat_workers")


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """The database of these servers, to compare with responses."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def workers(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkersServer]:
    """A server with several workers; no test may make it log an error."""
    with WorkersServer(database_url, tmp_path_factory.mktemp("workers")) as server:
        yield server
    assert not server.errors_in_log()


@pytest.fixture
def own_workers(database_url: str, tmp_path: Path) -> Iterator[WorkersServer]:
    """The same, for a single test."""
    with WorkersServer(database_url, tmp_path) as server:
        yield server
