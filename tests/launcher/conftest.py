"""The launcher as a separate process with its own instance folder and port."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chatapp.launcher.process import wait_for
from tests.server import ROOT, free_port

START_SECONDS = 120.0
STOP_SECONDS = 8.0


class Launched:
    """`python -m chatapp.launcher`, started any number of times; `changes` are applied to its environment."""

    def __init__(self, folder: Path, **changes: str) -> None:
        self.instance = folder / "instance"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self._environment = kept | {
            "APP_ENV": "test",
            "RATELIMIT_ENABLED": "false",
            "LOG_LEVEL": "WARNING",
            "PORT": str(self.port),
            "INSTANCE_PATH": str(self.instance),
            "UPLOAD_PATH": str(folder / "uploads"),
        }
        self._environment |= changes
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        """The launcher itself."""
        assert self._process
        return psutil.Process(self._process.pid)

    @property
    def said(self) -> str:
        """Its standard output since the last start."""
        return (self._folder / "said").read_text()

    @property
    def stderr(self) -> str:
        """Its standard error since the last start."""
        return (self._folder / "stderr").read_text()

    def begin(self) -> None:
        """Start it without waiting."""
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "said").open("wb") as said, (self._folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chatapp.launcher"],
                cwd=ROOT,
                env=self._environment,
                stdout=said,
                stderr=stderr,
            )

    def start(self) -> None:
        """Wait until it has printed all addresses."""
        self.begin()
        wait_for(lambda: "Ctrl-C" in self.said or not self.running, START_SECONDS)
        assert self.running, self.stderr
        assert "Ctrl-C" in self.said, self.stderr

    def fail(self) -> int:
        """Start it and wait until it fails; returns its exit code."""
        self.begin()
        return self.exit_code(START_SECONDS)

    @property
    def running(self) -> bool:
        """True if it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def exit_code(self, seconds: float = STOP_SECONDS) -> int:
        """Its exit code; it has to end within `seconds`."""
        assert self._process
        return self._process.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and wait; returns its exit code."""
        assert self._process
        self._process.send_signal(number)
        return self.exit_code()

    def family(self) -> list[psutil.Process]:
        """Its child processes, recursively."""
        return family(self.process.pid)

    def child(self, word: str) -> psutil.Process:
        """The child process with `word` in its command line."""
        return next(child for child in self.process.children() if any(word in part for part in child.cmdline()))


Launch = Callable[..., Launched]


def family(pid: int) -> list[psutil.Process]:
    """The child processes of `pid`, recursively."""
    return list(psutil.Process(pid).children(recursive=True))


def assert_ended(processes: list[psutil.Process], seconds: float = 2) -> None:
    """True if all processes end within `seconds`."""
    _, left = psutil.wait_procs(processes, timeout=seconds)
    # Without a process that reaps orphans they stay as zombies.
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Creates launchers, not started yet, that share nothing; they are stopped after the test."""
    made: list[Launched] = []

    def make(**changes: str) -> Launched:
        made.append(Launched(tmp_path / str(len(made)), **changes))
        return made[-1]

    yield make
    for launched in made:
        launched.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """A launcher with two workers for all tests of a module, since a start takes seconds."""
    shared = Launched(tmp_path_factory.mktemp("launched"), WEB_CONCURRENCY="2")
    yield shared
    if shared.running:
        shared.stop()


@pytest.fixture
def launched(shared: Launched) -> Launched:
    """The shared launcher, restarted if the previous test stopped it."""
    if not shared.running:
        shared.start()
    return shared
