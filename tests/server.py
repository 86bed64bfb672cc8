"""A real server for tests: gunicorn with gevent workers, as its own process, killed and started again at will."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import requests

from tests.forked import CAN_FORK, Fork, fork, run_flask

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90.0
# Limits are counted, in Redis too, and no client reaches one.
UNREACHED_LIMITS = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_GLOBAL": "1000000/60s",
    "RATELIMIT_ADDRESS": "10000000/60s",
    "RATELIMIT_REGISTER": "1000000/60s",
    "RATELIMIT_LOGIN": "1000000/60s",
    "RATELIMIT_EVENTS": "1000000/10s",
    "RATELIMIT_HANDSHAKES": "1000000/10s",
    "MAX_UNAUTHENTICATED": "100000",
    "MAX_UPLOADS_PER_USER": "1000",
    "UPLOAD_QUOTA_MB": "1000000",
}
ERROR_SIGNS = ('"level": "error"', "[ERROR]", "Traceback")


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def migrate(database_url: str, folder: Path) -> None:
    """Bring an empty database to the newest schema, by the command that a deploy uses."""
    done = run_flask(["db", "upgrade"], environment(database_url, folder))
    assert done.returncode == 0, done.stderr


def environment(database_url: str, folder: Path, **changes: str) -> dict[str, str]:
    """The environment of a server under test: every response is validated against its schema (`APP_ENV=test`)."""
    # The last is set while coverage is measured.
    names = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_CONFIG")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return (
        kept
        | {
            "APP_ENV": "test",
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": str(folder / "instance"),
            "UPLOAD_PATH": str(folder / "uploads"),
            "RATELIMIT_ENABLED": "false",
            "LOG_LEVEL": "INFO",
        }
        | changes
    )


class Server:
    """One server on a port of its own, which it keeps over restarts, of the code in `root`. `log` is all that it wrote."""

    root = ROOT
    # What runs the command, such as `ip netns exec`.
    runner: Sequence[str] = ()
    # True where the start itself is under test.
    from_scratch = not CAN_FORK

    def __init__(self, database_url: str, folder: Path, **changes: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment(database_url, folder, PORT=str(self.port), **changes)
        self._log = folder / f"server-{self.port}.log"
        self._process: Fork | subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the server, whose children the workers are."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything that the server wrote so far."""
        return self._log.read_text()

    def errors_in_log(self) -> list[str]:
        """The lines of the log that report an error."""
        return [line for line in self.log.splitlines() if any(sign in line for sign in ERROR_SIGNS)]

    def memory(self) -> int:
        """The bytes that its processes hold, for comparisons: what they share is counted for each."""
        master = psutil.Process(self.pid)
        return sum(process.memory_info().rss for process in (master, *master.children(recursive=True)))

    def start(self) -> None:
        """Wait until the server responds."""
        command = ["gunicorn", "wsgi:app"]
        if self.from_scratch or self.runner or self.root != ROOT:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*self.runner, sys.executable, "-m", *command],
                    cwd=self.root,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        else:
            self._process = fork(command, self._environment, self._log, self._log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if requests.get(f"{self.url}/healthz", timeout=5).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                pass
            assert self._process.poll() is None, f"the server ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the server does not answer:\n{self.log}"
            time.sleep(0.05)

    def stop(self, seconds: float = 10) -> float:
        """End the server as a platform does (SIGTERM); how many seconds it took."""
        assert self._process
        began = time.monotonic()
        self._process.terminate()
        self._process.wait(seconds)
        return time.monotonic() - began

    def kill(self) -> None:
        """End the server and its workers at once, as `kill -9` does."""
        process = self._process
        assert process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
