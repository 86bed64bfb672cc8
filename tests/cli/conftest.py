"""The commands as separate processes."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked import run_flask
from tests.server import environment

Chat = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def chat(database_url: str, tmp_path: Path) -> Chat:
    """`flask --app wsgi chat …` on the shared database, or with `changes` to its environment."""

    def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        done = run_flask(["chat", *words], os.environ | environment(database_url, tmp_path, **changes))
        assert "Traceback" not in done.stderr
        return done

    return run
