"""The addresses that the server listens on; TLS settings are refused."""

import subprocess
import sys
from pathlib import Path

import psutil
import requests

from tests.server import ROOT, Server, environment, free_port


def listens_on(server: Server) -> set[tuple[str, int]]:
    connections = psutil.Process(server.pid).net_connections("tcp")
    return {(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN}


def test_other_machines_do_not_reach_a_server_by_default(server: Server) -> None:
    assert listens_on(server) == {("127.0.0.1", server.port)}


def test_server_can_listen_on_all_ipv6_and_ipv4_addresses(database_url: str, tmp_path: Path) -> None:
    metrics = free_port()
    server = Server(database_url, tmp_path, HOST="::", METRICS_PORT=str(metrics))
    server.from_scratch = True
    with server:
        assert listens_on(server) == {("::", server.port), ("::", metrics)}
        assert requests.get(f"http://[::1]:{server.port}/healthz", timeout=20).ok
        assert requests.get(f"http://[::1]:{metrics}/metrics", timeout=20).ok
        assert requests.get(f"http://127.0.0.1:{server.port}/healthz", timeout=20).ok


def test_tls_options_are_refused_in_one_sentence(database_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--certfile", "server.pem", "--keyfile", "server.key", "wsgi:app"],
        cwd=ROOT,
        env=environment(database_url, tmp_path, PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: certfile and keyfile are set, but this server does not speak TLS itself")
    assert done.stderr.count("\n") == 1
