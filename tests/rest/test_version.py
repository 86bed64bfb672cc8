"""All places show the same version."""

import json
import subprocess
import sys
import tomllib

import pytest
import requests

from chatapp import __version__
from tests.server import ROOT, Server


def test_health_and_documents_name_the_version(server: Server) -> None:
    assert requests.get(f"{server.url}/healthz", timeout=20).json()["version"] == __version__
    for document in ("openapi", "asyncapi"):
        info = requests.get(f"{server.url}/api/v1/{document}.json", timeout=20).json()["info"]
        assert info["version"] == __version__


def test_the_log_names_the_version_at_start(server: Server) -> None:
    assert f"Chat server {__version__}" in server.log


def test_the_command_line_names_the_version() -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "chat", "--version"]
    assert (
        __version__ in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    )


@pytest.mark.parametrize("folder", [".", "clients/typescript", "clients/web"])
def test_node_packages_have_the_version_and_license_of_the_server(folder: str) -> None:
    package = json.loads((ROOT / folder / "package.json").read_text())
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    for described in (package, lock["packages"][""]):
        assert (described["version"], described["license"]) == (__version__, "MIT")
    assert lock["version"] == __version__


def test_the_python_package_has_the_version_and_license_of_the_server() -> None:
    project = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text())["project"]
    assert (project["version"], project["license"]) == (__version__, "MIT")
