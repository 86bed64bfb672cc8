"""The requirement files: complete, hashed, and consistent with each other."""

import re
from pathlib import Path

import pytest

from tests.server import ROOT

PARTS = ("requirements", "requirements-s3", "requirements-local", "requirements-node")
ALL = (*PARTS, "requirements-dev")


def pins(name: str) -> dict[str, set[str]]:
    """The hashes of each `package==version` of a compiled file."""
    text = (ROOT / f"{name}.txt").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    return {block.split()[0]: set(re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", block)) for block in blocks if block}


def direct(name: str) -> set[str]:
    """The packages that a file names itself."""
    return set(re.findall(r"^[a-z0-9][a-z0-9-]*", (ROOT / f"{name}.in").read_text(), re.MULTILINE))


def packages(name: str) -> set[str]:
    return {pin.split("==")[0] for pin in pins(name)}


@pytest.mark.parametrize("name", ALL)
def test_every_package_is_pinned_with_hashes(name: str) -> None:
    assert all("==" in pin and hashes for pin, hashes in pins(name).items())
    assert direct(name) <= packages(name)


@pytest.mark.parametrize("name", ALL)
def test_no_file_names_an_index_or_a_path(name: str) -> None:
    for suffix in ("in", "txt"):
        text = (ROOT / f"{name}.{suffix}").read_text()
        assert not re.search(r"://|--(extra-)?index-url|--find-links|/(tmp|home|work|root)/", text)


@pytest.mark.parametrize("name", PARTS)
def test_the_tests_run_with_the_versions_of_production(name: str) -> None:
    everything = pins("requirements-dev")
    assert {pin: everything.get(pin) for pin in pins(name)} == pins(name)


def test_production_installs_neither_local_servers_nor_tools() -> None:
    server = packages("requirements") | packages("requirements-s3")
    assert not server & (direct("requirements-local") | direct("requirements-node") | {"pytest", "psutil", "uv"})
    assert "botocore" not in packages("requirements")


@pytest.mark.parametrize("file", ["Dockerfile", "bin/post_compile"])
def test_deployments_check_hashes_and_have_what_a_bucket_needs(file: str) -> None:
    text = Path(ROOT, file).read_text().replace("\\\n", " ")
    (command,) = re.findall(r"pip install .*", text)
    assert "--require-hashes" in command
    assert set(re.findall(r"-r (\S+)", command)) - {"requirements.txt"} == {"requirements-s3.txt"}
