"""`python -m tests.clients.check`, a part of `make check`: lint, formatting and types of both clients.

Installs what that takes. Where Node.js or its packages can't be had the clients are not checked: that is said, and is no
failure unless REQUIRE_NODE is set. `--fix` formats, and fixes what the linter can, instead of checking.
"""

import os
import subprocess
import sys
from pathlib import Path

from chatapp.launcher.node import NodeError, ensure_node_modules, node_binary
from chatapp.launcher.web import CLIENTS, LIBRARY, WEB

REQUIRED = "REQUIRE_NODE"


def check(*, fix: bool) -> int:
    """Run all tools; returns the number of those that fail. NodeError if they are unavailable."""
    biome = [ensure_node_modules(WEB) / "@biomejs/biome/bin/biome", *(("check", "--write") if fix else ("ci",)), "."]
    commands: list[tuple[Path, list[str | Path]]] = [(CLIENTS, [*biome, "--error-on-warnings"])]
    if not fix:
        commands += [
            (folder, [ensure_node_modules(folder) / "typescript/bin/tsc", "--noEmit"]) for folder in (LIBRARY, WEB)
        ]
    return sum(subprocess.run([node_binary(), *command], cwd=folder).returncode != 0 for folder, command in commands)


def main() -> int:
    """The exit code."""
    try:
        return min(check(fix="--fix" in sys.argv[1:]), 1)
    except NodeError as error:
        required = bool(os.environ.get(REQUIRED))
        print(f"{'error: ' if required else ''}The clients were not checked. {error}", file=sys.stderr)
        return int(required)


if __name__ == "__main__":
    sys.exit(main())
