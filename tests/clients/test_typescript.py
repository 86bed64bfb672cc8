"""The TypeScript client against real servers: disconnects, kills, limits and expiring tokens."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chatapp.launcher.valkey import EmbeddedValkey
from tests.clients.package import build, node, run_tests
from tests.server import Server


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


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """The compiled package and its tests, which type-check."""
    build()


@pytest.fixture(scope="module")
def roomy(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for disconnected clients, whose sockets stay open for a while."""
    settings = {"MAX_SOCKETS_PER_USER": "1000", "MAX_UPLOAD_MB": "2"}
    with Server(database_url, tmp_path_factory.mktemp("roomy"), **settings) as server:
        yield server
    assert server.errors_in_log() == []


@pytest.fixture(scope="module")
def strict(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose access tokens last 3 seconds, and which accepts 20 events in that time and 2 concurrent uploads."""
    limits = {"RATELIMIT_ENABLED": "true", "RATELIMIT_GLOBAL": "10000/60s", "RATELIMIT_REGISTER": "1000/60s"}
    limits |= {"RATELIMIT_LOGIN": "1000/60s", "RATELIMIT_LOGIN_FAILURES": "5/15m", "RATELIMIT_EVENTS": "20/3s"}
    limits |= {"MAX_UPLOADS_PER_USER": "2"}
    with Server(database_url, tmp_path_factory.mktemp("strict"), JWT_ACCESS_EXPIRES_IN="3s", **limits) as server:
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


def test_types_match_the_documents(server: Server) -> None:
    node("scripts/generate.mjs", "--check", server.url)


def test_client_unit_tests_pass(roomy: Server) -> None:
    run_tests("chat-store", "paging", "timeline", "refusals", "talking", server=roomy)


def test_cache_is_shown_and_corrected(roomy: Server) -> None:
    run_tests("cache", server=roomy)


def test_client_sends_and_catches_up_through_disconnects(roomy: Server) -> None:
    run_tests("sending", "catching-up", "files", server=roomy)


def test_unsent_messages_are_stored(roomy: Server) -> None:
    run_tests("edits", "drafts", server=roomy)


def test_client_respects_rate_limits(strict: Server) -> None:
    run_tests("session", "connect", "limits", server=strict)


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
