"""What the README of the TypeScript client shows works as it is written, on the package as it is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chatapp.launcher.node import run_npm
from tests.clients.package import PACKAGE
from tests.documents import programs
from tests.server import Server

MADE = ("node_modules", "dist", "build", "*.tgz")


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application that has the package installed, as the README says how to make it of the sources."""
    folder = tmp_path_factory.mktemp("readme")
    copy = folder / "clients" / "typescript"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns(*MADE))
    (making,) = (program for program in programs(PACKAGE / "README.md", {}) if program.language == "sh")
    done = subprocess.run(
        ["sh", "-euc", making.text], cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    application = folder / "application"
    application.mkdir()
    run_npm(
        application,
        "install",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        str(copy / "chatapp-client-0.1.0.tgz"),
        seconds=120,
    )
    return application


def test_its_programs_run(application: Path, server: Server) -> None:
    shown = [program for program in programs(PACKAGE / "README.md", {}) if program.language == "js"]
    assert len(shown) == 3
    for program in shown:
        program.run(application, {"CHAT_URL": server.url})
