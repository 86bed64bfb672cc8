"""The build of the web client without Node.js."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT

# An unreachable registry.
NOWHERE = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The sources, as in a fresh clone."""
    for part in ("chatapp", "clients", "config.py", "requirements-node.txt"):
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("node_modules", "dist", "dist.new")
            )
        else:
            shutil.copy(ROOT / part, tmp_path / part)
    return tmp_path


def build(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chatapp.launcher.web", *words]
    environment = os.environ | NOWHERE | {"npm_config_cache": str(checkout / "cache")}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60)


def test_make_run_continues_without_node(checkout: Path) -> None:
    done = build(checkout, "--if-possible")
    assert done.returncode == 0
    assert done.stderr.startswith("The web client is not there, all else is served. `make web` builds it.")
    assert len(done.stderr.splitlines()) == 1


def test_make_web_fails_without_node(checkout: Path) -> None:
    done = build(checkout)
    assert done.returncode == 1
    assert done.stderr.startswith("error: `npm ci` in ")
    assert not (checkout / "clients" / "web" / "dist").exists()
