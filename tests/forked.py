"""Starts servers and `flask` commands with little work: as forks of one process that has imported all that they need.

A fork runs the same code in the environment that it is given, from reading the configuration on. Where the start itself
is under test, and while coverage is measured, processes start from scratch.
"""

import atexit
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
COMMAND_SECONDS = 90
# Started with the first fork.
PARENT: list[subprocess.Popen[str]] = []
LOCK = threading.Lock()
# A fork of a process that measures coverage would report the parent's imports again.
CAN_FORK = "COVERAGE_PROCESS_CONFIG" not in os.environ


class Fork(psutil.Process):  # type: ignore[misc]
    """A forked process, with the methods of `Popen` that tests use; signals after its end do nothing."""

    def send_signal(self, sig: int) -> None:
        """Send a signal."""
        with suppress(psutil.NoSuchProcess):
            super().send_signal(sig)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def poll(self) -> int | None:
        """None while it runs."""
        return None if self.is_running() and self.status() != psutil.STATUS_ZOMBIE else 0


def fork(
    arguments: Sequence[str], environment: Mapping[str, str], output: Path, errors: Path, code: Path | None = None
) -> Fork:
    """Run `python -m` with `arguments` in a session of its own; it appends to `output` and `errors`.

    Its exit code is written to `code`.
    """
    job = {"arguments": arguments, "environment": dict(environment), "output": str(output), "errors": str(errors)}
    with LOCK:
        if not PARENT:
            command = [sys.executable, "-m", "tests.forked"]
            parent = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            atexit.register(_end, parent)
            PARENT.append(parent)
        (parent,) = PARENT
        assert parent.stdin
        assert parent.stdout
        print(json.dumps(job | {"code": code and str(code)}), file=parent.stdin, flush=True)
        return Fork(int(parent.stdout.readline()))


def _end(parent: subprocess.Popen[str]) -> None:
    """End the parent; its forks stay."""
    with parent:
        pass


def run_flask(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`flask --app wsgi` with `words`, and what it wrote."""
    arguments = ["flask", "--app", "wsgi", *words]
    if not CAN_FORK:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
    with tempfile.TemporaryDirectory(prefix="chatapp-test-") as folder:
        output, errors, code = (Path(folder, name) for name in ("output", "errors", "code"))
        fork(arguments, environment, output, errors, code).wait(COMMAND_SECONDS)
        returned = int(code.read_text()) if code.exists() else -1
        return subprocess.CompletedProcess(arguments, returned, output.read_text(), errors.read_text())


def serve() -> None:
    """Fork for each line of standard input."""
    from gevent import monkey

    # As the first lines of gunicorn.conf.py and wsgi.py do.
    monkey.patch_all()
    import gc

    import uuid_utils

    gc.disable()
    for name in ("gunicorn.app.wsgiapp", "chatapp.server.worker", "chatapp.app", "chatapp.cli.chat", "flask_migrate"):
        __import__(name)
    # A fork would continue the parent's sequence of ids.
    os.register_at_fork(after_in_child=uuid_utils.reseed_rng)
    gc.collect()
    gc.freeze()
    gc.enable()
    # Without gevent's, which would start a loop in the parent.
    make_fork = monkey.get_original("os", "fork")
    set_handler = monkey.get_original("signal", "signal")
    wait = monkey.get_original("os", "waitpid")

    def reap(*_signal: object) -> None:
        try:
            while wait(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass

    set_handler(signal.SIGCHLD, reap)
    for line in sys.stdin:
        if not make_fork():
            set_handler(signal.SIGCHLD, signal.SIG_DFL)
            _become(**json.loads(line))


def _become(arguments: list[str], environment: dict[str, str], output: str, errors: str, code: str | None) -> None:
    """Be the process that `python -m` with `arguments` would be."""
    os.setsid()
    print(os.getpid(), flush=True)
    to_end = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, output, to_end), (2, errors, to_end)):
        opened = os.open(path, flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    # Computed from the environment of the parent.
    tempfile.tempdir = None
    sys.argv = list(arguments)
    returned: object = 1
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        returned = 0
    except SystemExit as end:
        returned = end.code
        raise
    finally:
        if code:
            Path(code).write_text(str(returned if isinstance(returned, int) else int(returned is not None)))


if __name__ == "__main__":
    serve()
