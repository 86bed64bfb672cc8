"""The TypeScript client's package: built once for all tests, and its own tests run by Node's test runner."""

import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from chatapp.launcher.node import ensure_node_modules, node_binary, run_npm
from tests.server import ROOT, Server

PACKAGE = ROOT / "clients" / "typescript"
SECONDS = 120


def node(*arguments: str, **environment: str) -> str:
    """What Node.js writes when it is run in the package; AssertionError with all of that when it fails."""
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
    """Check the sources and tests against their types, and make JavaScript of them."""
    ensure_node_modules(PACKAGE)
    with (PACKAGE / "tsconfig.json").open() as project:
        # Test runs at the same time share the folder.
        fcntl.flock(project, fcntl.LOCK_EX)
        node("node_modules/typescript/bin/tsc")


def fresh_clone(folder: Path) -> Path:
    """The package's folder in `folder` as a fresh clone has it: without what was built or installed."""
    copy = folder / "clients" / "typescript"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "build", "*.tgz"))
    return copy


def install(application: Path, package: Path) -> None:
    """`npm install <package>` in the folder of an application."""
    run_npm(application, "install", "--prefer-offline", "--no-audit", "--no-fund", str(package), seconds=SECONDS)


def run_tests(*names: str, server: Server, deeds: Mapping[str, Callable[[], object]] | None = None) -> None:
    """Run files of the package's tests, side by side, against a server, to which they may have these things done."""
    # They wait more than they work: there can be more of them than processors.
    options = ("--test", "--test-reporter=spec", "--test-concurrency=3")
    with Control(deeds or {}) as control:
        files = [f"build/test/{name}.test.js" for name in names]
        node(*options, *files, CHAT_URL=server.url, CONTROL_URL=control.url)


class Control:
    """Does to the server what tests in another process ask for, by POST to `/<deed>`; all of it in one thread, with
    which ends what is started there."""

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
