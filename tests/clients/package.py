"""The TypeScript client's package: built once for all tests, and its own tests run by Node's test runner."""

import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from chatapp.launcher.node import ensure_node_modules, node_binary, run_npm
from tests.server import ROOT, Server

PACKAGE = ROOT / "clients" / "typescript"
SECONDS = 120
# That run tests at the same time.
PROCESSES = 2


def node(*arguments: str, **environment: str) -> str:
    """The output of Node.js in the package; AssertionError with the output if it fails."""
    done = subprocess.run(
        [node_binary(), *arguments],
        cwd=PACKAGE,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build() -> None:
    """Type-check and compile the sources and tests, unless they are older than the last build."""
    ensure_node_modules(PACKAGE)
    stamp = PACKAGE / "build" / "stamp"
    sources = [*PACKAGE.glob("*.json"), *(PACKAGE / "src").rglob("*.ts"), *(PACKAGE / "test").rglob("*.ts")]
    with (PACKAGE / "tsconfig.json").open() as project:
        # Concurrent test runs share the folder, and may be running the last build.
        fcntl.flock(project, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.stat().st_mtime <= max(source.stat().st_mtime for source in sources):
            node("node_modules/typescript/bin/tsc")
            stamp.touch()


def fresh_clone(folder: Path) -> Path:
    """Copy the package to `folder` as in a fresh clone: without builds and installed packages."""
    copy = folder / "clients" / "typescript"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "build", "*.tgz"))
    return copy


def install(application: Path, package: Path) -> Path:
    """Pack the folder of the package, in that of an application, and install the file, which is returned."""
    run_npm(application, "pack", str(package), seconds=SECONDS)
    file = next(application.glob("*.tgz"))
    run_npm(application, "install", "--prefer-offline", "--no-audit", "--no-fund", f"./{file.name}", seconds=SECONDS)
    return file


def run_tests(
    *names: str, server: Server, deeds: Mapping[str, Callable[[], object]] | None = None, **environment: str
) -> None:
    """Run test files of the package against a server, in a few processes; the tests can request these actions on it."""
    # To start a process and load the client takes as long as the tests of a file do. They mostly wait, so there can be more
    # processes than processors.
    groups = [group for group in (names[number::PROCESSES] for number in range(PROCESSES)) if group]

    def run(group: tuple[str, ...]) -> None:
        program = "".join(f"import './build/test/{name}.test.js';" for name in group)
        options = ("--test-reporter=spec", "--input-type=module", "--eval", program)
        node(*options, CHAT_URL=server.url, CONTROL_URL=control.url, **environment)

    with Control(deeds or {}) as control, ThreadPoolExecutor(len(groups)) as pool:
        for _ in pool.map(run, groups):
            pass


class Control:
    """Performs actions on the server that tests in another process request by POST to `/<deed>`; all in one thread,
    with which the processes started there end."""

    def __init__(self, deeds: Mapping[str, Callable[[], object]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                deed = deeds.get(self.path.removeprefix("/"))
                if deed:
                    deed()
                self.send_response(204 if deed else 404)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
