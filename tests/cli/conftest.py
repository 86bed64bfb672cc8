"""The commands as separate processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import ROOT, environment

Chat = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def chat(database_url: str, tmp_path: Path) -> Chat:
    """`flask --app wsgi chat …` on the shared database, or with `changes` to its environment."""

    def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "chat", *words]
        settings = os.environ | environment(database_url, tmp_path, **changes)
        done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        return done

    return run
