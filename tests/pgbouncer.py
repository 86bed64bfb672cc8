"""PgBouncer in front of the PostgreSQL of the tests."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import clean_environment, end, spawn, unprivileged_user, wait_for
from tests.server import free_port

# Debian has servers where not everyone looks.
PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
# Set where these tests must run: without PgBouncer they fail.
REQUIRED = "REQUIRE_PGBOUNCER"
needs_pgbouncer = pytest.mark.skipif(
    not (PROGRAM or os.environ.get(REQUIRED)), reason="PgBouncer is not installed: `apt-get install pgbouncer`"
)
# Connections to a database.
POOL_SIZE = 5
CONFIGURATION = """
[databases]
* = host={socket} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
{more}
"""


@contextmanager
def pgbouncer(postgres: EmbeddedPostgres, folder: Path, more: str = "") -> Iterator[str]:
    """The URL of `chat_test` through a PgBouncer in transaction mode; `more` is added to its configuration."""
    assert PROGRAM, f"{REQUIRED} is set, and PgBouncer is not installed"
    port, user = free_port(), unprivileged_user(postgres.folder)
    place = postgres.url("").partition("host=")[2].partition("&")[0]
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(socket=place, port=port, pool_size=POOL_SIZE, more=more))
    with (folder / "pgbouncer.log").open("wb") as log:
        process = spawn(
            [PROGRAM, configuration],
            user=user,
            reach=[configuration, postgres.folder],
            env=clean_environment(),
            stdout=log,
            stderr=log,
        )
    try:
        assert wait_for(lambda: _listens(port) or process.poll() is not None, 10), log
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        yield f"postgresql://someone@127.0.0.1:{port}/chat_test"
    finally:
        end(process, (signal.SIGTERM, 5))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
