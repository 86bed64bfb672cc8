"""The image contains all that the server needs, as far as can be checked without a build."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import requests
import yaml  # type: ignore[import-untyped]

from tests.server import ROOT, Server


def last_stage() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines[starts[-1] :])]


def test_server_runs_from_the_copied_files(database_url: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    for word, rest in last_stage():
        if word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                place = image / target / (source if target == "./" else "")
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / source, place)
    server = Server(database_url, tmp_path)
    server.root = image
    with server:
        assert requests.get(f"{server.url}/readyz", timeout=20).ok
        assert requests.get(f"{server.url}/docs/", timeout=20).ok
        assert requests.get(f"{server.url}/", timeout=20).ok


def test_excluded_files_are_not_copied() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {source for line in copied for source in line.split()} == allowed
    for name in allowed:
        assert (ROOT / name).exists()


def test_image_has_a_health_check(server: Server) -> None:
    (check,) = [rest for word, rest in last_stage() if word == "HEALTHCHECK"]
    _python, *arguments = yaml.safe_load(check.partition("CMD ")[2])
    for port, well in ((server.port, True), (1, False)):
        done = subprocess.run([sys.executable, *arguments], env=os.environ | {"PORT": str(port)}, capture_output=True)
        assert (done.returncode == 0) is well
