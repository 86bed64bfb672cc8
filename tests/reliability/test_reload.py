"""A reload replaces all workers while clients go on: no request fails, and every socket reconnects at once."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.edited import EditedServer
from tests.people import register
from tests.reliability.reloading import TRANSPORTS, Requests, Watched, reload, workers_of
from tests.server import ROOT, Server
from tests.socket_clients import JsDriver, PyClient
from tests.waiting import eventually

# Usually 0.5 s. A client that learns of the end of its connection by a missing ping is away for more than 25 s.
MAX_AWAY = 5.0


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.mark.parametrize("workers", [1, 3])
def test_reload_fails_no_request_and_sockets_reconnect(
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
        assert [max(socket.away) for socket in sockets if max(socket.away) > MAX_AWAY] == []
        assert not server.errors_in_log()


def test_failed_reload_leaves_the_server_running(database_url: str, tmp_path: Path) -> None:
    with EditedServer(database_url, tmp_path) as server:
        wsgi = server.wsgi
        before = workers_of(server)
        wsgi.write_text("raise RuntimeError('broken')")
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: "reload_abandoned" in server.log, 20)
        assert workers_of(server) == before
        assert requests.get(f"{server.url}/healthz", timeout=20).ok
        wsgi.write_text((ROOT / "wsgi.py").read_text())
        reload(server, 1)
        assert requests.get(f"{server.url}/healthz", timeout=20).ok
