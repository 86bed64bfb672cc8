"""`/metrics` covers all workers, whichever worker serves it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.metrics import number, scrape
from tests.multiworker.conftest import POLLING, WORKERS, WorkersServer, looks_at_processes
from tests.people import register
from tests.server import free_port
from tests.socket_clients import JsDriver
from tests.waiting import eventually

RESPONDED = {"method": "GET", "route": "/api/v1/users/me", "status": "401"}
SOCKETS = 12


@looks_at_processes
def test_metrics_sum_workers_including_dead_ones(own_workers: WorkersServer, js_driver: JsDriver) -> None:
    url = own_workers.url
    alice = register(url, "alice")
    sockets = [js_driver.connect(url, alice.token, transports=["websocket"]) for _ in range(SOCKETS)]
    with ThreadPoolExecutor(SOCKETS) as many:
        list(many.map(lambda _: requests.get(f"{url}/api/v1/users/me", timeout=20), range(60)))
    eventually(lambda: number(scrape(url), "chat_sockets") == SOCKETS, 20)
    eventually(lambda: number(scrape(url), "chat_http_requests_total", **RESPONDED) == 60, 20)
    assert number(scrape(url), "chat_workers") == WORKERS
    for pid in own_workers.workers:
        own_workers.kill_worker(pid)
    # Metrics of their clients are gone with them, those of their requests are not.
    eventually(lambda: number(scrape(url), "chat_sockets") == 0 and number(scrape(url), "chat_workers") == WORKERS, 30)
    assert number(scrape(url), "chat_http_requests_total", **RESPONDED) == 60
    for socket in sockets:
        socket.disconnect()


@looks_at_processes
def test_replaced_workers_keep_their_counts(own_workers: WorkersServer) -> None:
    url, before = own_workers.url, own_workers.workers
    for _ in range(20):
        requests.get(f"{url}/api/v1/users/me", timeout=20)
    own_workers.reload()
    eventually(lambda: not (before & own_workers.workers) and len(own_workers.workers) == WORKERS, 30)
    eventually(lambda: number(scrape(url), "chat_http_requests_total", **RESPONDED) == 20, 20)


def test_metrics_port_connections_are_not_transferred(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    with WorkersServer(database_url, tmp_path, METRICS_PORT=str(port)) as server:
        own = f"http://127.0.0.1:{port}"
        for sid in server.session_in_each_worker():
            for _ in range(2):
                with requests.Session() as connection:
                    assert connection.get(f"{own}{POLLING}&sid={sid}", timeout=20).status_code == 404
                    assert connection.get(f"{own}/api/v1/users/me", timeout=20).status_code == 404
