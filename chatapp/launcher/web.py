"""`python -m chatapp.launcher.web`: builds the web client if its sources are newer than the build.

Uses the Node.js on PATH, else a wheel that is installed if needed. With `--if-possible` a failure is only reported: the
server works without the client.
"""

import fcntl
import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import config
from chatapp.launcher.node import NodeError, ensure_node_modules, node_binary, run_npm
from chatapp.launcher.progress import step

CLIENTS = config.ROOT / "clients"
WEB, LIBRARY = CLIENTS / "web", CLIENTS / "typescript"
BUILT, DRAFT = WEB / "dist", WEB / "dist.new"
BUILD_SECONDS, WHEEL_SECONDS = 120, 300


def main() -> int:
    """Build it if needed; returns the exit code."""
    try:
        build()
    except NodeError as error:
        if "--if-possible" not in sys.argv[1:]:
            print(f"error: {error}", file=sys.stderr)
            return 1
        state = "is an older one" if (BUILT / "index.html").exists() else "is not there"
        why = " ".join(str(error).splitlines()[:2])
        print(f"The web client {state}, all else is served. `make web` builds it. {why}", file=sys.stderr, flush=True)
    return 0


def build() -> Path:
    """The folder of the web client, rebuilt if it is older than its sources; raises NodeError."""
    with (WEB / "vite.config.ts").open() as lock:
        # One process builds, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current():
            with step("Looking for Node.js"):
                _ensure_node()
            with step("Installing the web client's packages"):
                ensure_node_modules(WEB)
            with step("Building the web client"):
                run_npm(WEB, "run", "build", "--", "--outDir", str(DRAFT), seconds=BUILD_SECONDS)
            # The old build is served until the new one is complete.
            shutil.rmtree(BUILT, ignore_errors=True)
            DRAFT.rename(BUILT)
    return BUILT


def _is_current() -> bool:
    page = BUILT / "index.html"
    return page.exists() and page.stat().st_mtime >= max(path.stat().st_mtime for path in _sources())


def _sources() -> list[Path]:
    # Folders too: their times reveal deleted files.
    folders = [WEB / "src", LIBRARY / "src"]
    return [*(path for path in WEB.iterdir() if path.is_file()), *folders, *(p for f in folders for p in f.rglob("*"))]


def _ensure_node() -> None:
    """Install the wheel if no suitable `node` exists; raises NodeError."""
    try:
        node_binary()
    except NodeError as error:
        requirements = str(config.ROOT / "requirements-node.txt")
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=WHEEL_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise error from None
        importlib.invalidate_caches()


if __name__ == "__main__":
    sys.exit(main())
