"""A real server for tests: gunicorn with gevent workers, as its own process, killed and started again at will."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import requests

from tests.forked import CAN_FORK, Fork, fork, run_flask

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90.0
# On a busy machine a server may take long to end, which tests of its end bound themselves.
END_SECONDS = 60.0
# Below the ports that systems give to clients, and other than those of `chatapp.launcher.valkey`.
PORTS = range(10_000, 20_000)
# Limits are counted, in Redis too, and no client reaches one.
UNREACHED_LIMITS = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_GLOBAL": "1000000/60s",
    "RATELIMIT_ADDRESS": "10000000/60s",
    "RATELIMIT_REGISTER": "1000000/60s",
    "RATELIMIT_LOGIN": "1000000/60s",
    "RATELIMIT_EVENTS": "1000000/10s",
    "RATELIMIT_HANDSHAKES": "1000000/10s",
    "RATELIMIT_SERVER": "1000000/60s",
    "RATELIMIT_WRONG_KEYS": "1000000/60s",
    "MAX_UNAUTHENTICATED": "100000",
    "MAX_UPLOADS_PER_USER": "1000",
    "UPLOAD_QUOTA_MB": "1000000",
}
ERROR_SIGNS = ('"level": "error"', "[ERROR]", "Traceback")


def free_port() -> int:
    """A free port. No client gets it before its server listens, as it may with one that the system chooses."""
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


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
    # The network namespace to run in.
    namespace: str | None = None
    # True where the start itself is under test, or code that a fork has imported already.
    from_scratch = not CAN_FORK

    def __init__(self, database_url: str, folder: Path, **changes: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment(database_url, folder, PORT=str(self.port), **changes)
        self.database_url = database_url
        self.instance = Path(self._environment["INSTANCE_PATH"])
        self._log = folder / f"server-{self.port}.log"
        self._process: Fork | subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(END_SECONDS)

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
        command = ["gunicorn", "--chdir", str(self.root), "wsgi:app"]
        if self.from_scratch:
            runner = ("ip", "netns", "exec", self.namespace) if self.namespace else ()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*runner, sys.executable, "-m", *command],
                    cwd=self.root,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        else:
            self._process = fork(command, self._environment, self._log, self._log, namespace=self.namespace)
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
