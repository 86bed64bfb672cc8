"""The TypeScript client in time: restarts, kills, rate limits and tokens that expire within seconds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chatapp.launcher.valkey import EmbeddedValkey
from tests.clients.package import run_tests
from tests.server import Server

pytestmark = pytest.mark.usefixtures("built")
APP_SECRET = "a secret of an application, of 32 bytes and more"


class Killable(Server):
    """A server whose workers can be killed one by one."""

    def kill_worker(self) -> None:
        """Kill a worker; returns once it is dead."""
        assert self._process
        worker = psutil.Process(self._process.pid).children()[0]
        worker.kill()
        psutil.wait_procs([worker], 10)

    def kill_and_start(self) -> None:
        """Kill the server and its workers, and start it again."""
        self.kill()
        self.start()


@pytest.fixture(scope="module")
def strict(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose access tokens last 3 seconds, and which accepts 20 events in that time and 2 concurrent uploads."""
    limits = {"RATELIMIT_ENABLED": "true", "RATELIMIT_GLOBAL": "10000/60s", "RATELIMIT_REGISTER": "1000/60s"}
    limits |= {"RATELIMIT_LOGIN": "1000/60s", "RATELIMIT_LOGIN_FAILURES": "5/15m", "RATELIMIT_EVENTS": "20/3s"}
    limits |= {"MAX_UPLOADS_PER_USER": "2", "RATELIMIT_REACTIONS": "3/6s"}
    limits |= {"JWT_ACCESS_EXPIRES_IN": "3s", "APP_JWT_SECRET": APP_SECRET, "APP_JWT_ISSUER": "shop"}
    with Server(database_url, tmp_path_factory.mktemp("strict"), **limits) as server:
        yield server
    assert server.errors_in_log() == []


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """Redis for events between workers."""
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        yield valkey


@pytest.fixture
def killable(database_url: str, queue: EmbeddedValkey, tmp_path: Path) -> Iterator[Killable]:
    """A server with two workers."""
    with Killable(database_url, tmp_path, WEB_CONCURRENCY="2", REDIS_URL=queue.url) as server:
        yield server


def test_client_respects_rate_limits(strict: Server) -> None:
    run_tests("session", "connect", "limits", server=strict, APP_JWT_SECRET=APP_SECRET)


def test_client_reconnects_soon_after_a_restart(killable: Killable) -> None:
    deeds: dict[str, Callable[[], object]] = {"stop-server": killable.stop, "start-server": killable.start}
    run_tests("restart", server=killable, deeds=deeds)


def test_client_continues_through_kills(killable: Killable, queue: EmbeddedValkey) -> None:
    deeds = {
        "kill-worker": killable.kill_worker,
        "kill-server": killable.kill_and_start,
        "kill-queue": queue.kill,
        "start-queue": queue.start,
    }
    run_tests("kills", server=killable, deeds=deeds)
