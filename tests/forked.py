"""Starts servers and `flask` commands with little work: as forks of one process that has imported all that they need.

A fork runs the same code in the environment that it is given, from reading the configuration on. Where the start itself
is under test, and while coverage is measured, processes start from scratch.
"""

import atexit
import ctypes
import fcntl
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
COMMAND_SECONDS = 90
CLONE_NEWNET = 0x40000000
# Started with the first fork.
PARENT: list[subprocess.Popen[str]] = []
LOCK = threading.Lock()
# Also what a server would import while it starts.
MODULES = (
    "gunicorn.app.wsgiapp",
    "gunicorn.glogging",
    "chatapp.server.worker",
    "chatapp.app",
    "chatapp.core.memory",
    "chatapp.cli.chat",
    "config",
    "engineio.async_drivers.gevent",
    "flask_migrate",
    "flask_sqlalchemy.cli",
)
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
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: Path,
    errors: Path,
    code: Path | None = None,
    namespace: str | None = None,
) -> Fork:
    """Run `python -m` with `arguments` in a session of its own; it appends to `output` and `errors`.

    Its exit code is written to `code`. With `namespace`, it runs in that network namespace.
    """
    job = {"arguments": arguments, "environment": dict(environment), "output": str(output), "errors": str(errors)}
    more = {"code": code and str(code), "namespace": namespace}
    # Processes of tests can share the parent.
    with LOCK, Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        start()
        (parent,) = PARENT
        assert parent.stdin
        assert parent.stdout
        print(json.dumps(job | more), file=parent.stdin, flush=True)
        forked = Fork(int(parent.stdout.readline()))
        print(file=parent.stdin, flush=True)
        return forked


def start() -> None:
    """Start the parent if this process has none; forks of this process will have the same."""
    if not PARENT:
        command = [sys.executable, "-m", "tests.forked"]
        parent = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        atexit.register(_end, parent, os.getpid())
        PARENT.append(parent)


def _end(parent: subprocess.Popen[str], starter: int) -> None:
    """End the parent, if this process has started it; its forks stay."""
    if os.getpid() == starter:
        with parent:
            pass


def enter(namespace: str | None) -> None:
    """Make the calling thread open its sockets in a network namespace; without a name, in that of the main thread."""
    path = Path("/run/netns", namespace) if namespace else Path("/proc/self/ns/net")
    with path.open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


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
    for name in MODULES:
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
        # A process that ends at once is there until the caller has found it, which an empty line says.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        if not make_fork():
            set_handler(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            _become(**json.loads(line))
        sys.stdin.readline()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _become(
    arguments: list[str], environment: dict[str, str], output: str, errors: str, code: str | None, namespace: str | None
) -> None:
    """Be the process that `python -m` with `arguments` would be."""
    os.setsid()
    if namespace:
        enter(namespace)
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
        if isinstance(returned, str):
            print(returned, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    status = returned if isinstance(returned, int) else int(returned is not None)
    if code:
        Path(code).write_text(str(status))
    _exit(status)


def _exit(status: int) -> None:
    """End as Python does, but without freeing all objects, which takes as long as a command."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


if __name__ == "__main__":
    serve()
