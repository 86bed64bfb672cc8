"""A development server with one command: its addresses, its data, and its end."""

import re
import signal
import socket
import sys
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import wait_for
from tests.launcher.conftest import STOP_SECONDS, Launch, Launched, assert_ended
from tests.people import register

TIMEOUT = 20


def listens(port: int) -> bool:
    """True if a process accepts connections on `port`."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_start_prints_all_addresses(launched: Launched) -> None:
    # It is ready once its workers are connected, a moment after its first response.
    assert wait_for(lambda: requests.get(f"{launched.url}/readyz", timeout=TIMEOUT).ok, 10)
    for page in ("/docs", "/healthz", "/readyz"):
        assert f"{launched.url}{page}" in launched.said
        assert requests.get(f"{launched.url}{page}", timeout=TIMEOUT).status_code == 200
    assert str(launched.instance) in launched.said


def test_each_step_of_the_start_has_a_line_with_its_duration(launched: Launched) -> None:
    steps = re.findall(r"^(.+) \.\.\. [0-9.]+ s$", launched.said, re.MULTILINE)
    assert len(steps) == 4
    for part, line in zip(("PostgreSQL", "Valkey", "database", "server"), steps, strict=True):
        assert part in line


def test_secrets_are_private(launched: Launched) -> None:
    assert (launched.instance / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_killed_database_is_started_again_and_nothing_is_lost(launched: Launched) -> None:
    person = register(launched.url)
    launched.child("postgres").kill()
    assert wait_for(lambda: "PostgreSQL ended by itself" in launched.said, 5)
    assert wait_for(lambda: requests.get(f"{launched.url}/readyz", timeout=TIMEOUT).ok, 30)
    assert person.get("/users/me").status_code == 200


def test_redis_for_several_workers_keeps_its_address(launched: Launched) -> None:
    queue = launched.child("gunicorn").environ()["REDIS_URL"]
    port = int(queue.rsplit(":", 1)[1].removesuffix("/0"))
    assert listens(port)
    launched.child("valkey").kill()
    assert wait_for(lambda: "Valkey ended by itself" in launched.said, 5)
    assert wait_for(lambda: listens(port), 10)


def test_instance_in_use_is_explained_in_one_sentence(launched: Launched, launch: Launch) -> None:
    second = launch(INSTANCE_PATH=str(launched.instance))
    assert second.fail() == 1
    assert second.stderr == f"error: A server is running from {launched.instance} already: stop it first.\n"


def test_port_in_use_is_explained_in_one_sentence(launched: Launched, launch: Launch) -> None:
    second = launch(PORT=str(launched.port))
    assert second.fail() == 1
    said = f"error: Port {launched.port} can't be used (Address already in use): set PORT to another.\n"
    assert second.stderr == said


def test_unreachable_database_is_explained_in_one_sentence(launch: Launch) -> None:
    launched = launch(DATABASE_URL="postgresql://someone:hushhush@127.0.0.1:1/chat")
    assert launched.fail() == 1
    assert launched.stderr.startswith("error: The database does not answer")
    assert launched.stderr.count("\n") == 1
    assert "hushhush" not in launched.stderr


def test_a_restart_keeps_accounts_and_sessions(launched: Launched) -> None:
    person = register(launched.url)
    family = launched.family()
    # A connected client does not keep the server from stopping.
    with socket.create_connection(("127.0.0.1", launched.port)):
        assert launched.stop(signal.SIGINT) == 0
    assert_ended(family)
    launched.start()
    # With a token of the first run: its secret is unchanged.
    assert person.get("/users/me").json()["data"]["id"] == person.id


def test_a_killed_launcher_can_be_started_again_at_once(launched: Launched) -> None:
    person = register(launched.url)
    family = launched.family()
    with socket.create_connection(("127.0.0.1", launched.port)):
        launched.process.kill()
        launched.exit_code()
        launched.start()
    assert_ended(family)
    assert person.get("/users/me").status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's end")
def test_a_killed_launcher_leaves_nothing_running(launched: Launched) -> None:
    family = launched.family()
    launched.process.kill()
    assert_ended(family, STOP_SECONDS)


def test_killed_server_stops_the_launcher_with_an_exit_code(launched: Launched) -> None:
    family = launched.family()
    launched.child("gunicorn").kill()
    assert launched.exit_code() == 128 + signal.SIGKILL
    assert "The server ended by itself, by SIGKILL." in launched.stderr
    assert_ended(family)


def test_it_can_be_stopped_while_it_starts(launch: Launch) -> None:
    launched = launch()
    launched.begin()
    assert wait_for((launched.instance / "postgres/data/postmaster.pid").exists, 30)
    family = launched.family()
    assert launched.stop() == 0
    assert_ended(family)
    assert launched.stderr == ""
    assert "Ctrl-C" not in launched.said


def test_the_database_of_database_url_is_used_and_left_running(launch: Launch, tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "elsewhere", durable=False) as elsewhere:
        elsewhere.create_database("theirs")
        launched = launch(DATABASE_URL=elsewhere.url("theirs"))
        launched.start()
        person = register(launched.url)
        assert not (launched.instance / "postgres").exists()
        family = launched.family()
        assert launched.stop() == 0
        assert_ended(family)
        assert not listens(launched.port)
        assert launched.stderr == ""
        with create_engine(elsewhere.url("theirs")).connect() as database:
            query = text("SELECT username FROM users WHERE id = :id")
            assert database.scalar(query, {"id": person.id}) == person.name
