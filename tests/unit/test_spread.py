"""Tests in several processes: each runs once, those of a file in one process, and no failure is lost."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.server import ROOT

SHARED = """
import os
import pytest

@pytest.fixture(scope="module")
def process():
    yield os.getpid()
    with open("ended", "a") as file:
        print(os.getpid(), file=file)

@pytest.mark.parametrize("number", range(3))
def test_same_process(process, number):
    assert process == os.getpid()
    print(f"number {number}")
"""
FAILING = """
import os

def test_fails():
    print("printed by the test")
    assert 1 == 2

def test_ends_its_process():
    os._exit(3)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A run of three files in three processes, and its folder."""
    folder = tmp_path_factory.mktemp("spread")
    for name, code in (("one", SHARED), ("two", SHARED), ("failing", FAILING)):
        (folder / f"test_{name}.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder), "-p", "tests.spread"]
    options = ["--processes", "3", "-p", "no:cacheprovider", "--junitxml", "report.xml", str(folder)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(
        [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    return folder, done


Finished = tuple[Path, subprocess.CompletedProcess[str]]


def test_each_test_runs_once_and_is_counted(finished: Finished) -> None:
    folder, done = finished
    assert "2 failed, 6 passed" in done.stdout
    assert done.returncode == 1
    cases = [f"{case.get('classname')} {case.get('name')}" for case in ET.parse(folder / "report.xml").iter("testcase")]
    assert len(cases) == len(set(cases)) == 8


def test_fixtures_of_a_file_are_made_once_and_ended(finished: Finished) -> None:
    folder, _ = finished
    assert len(set((folder / "ended").read_text().split())) == 2


def test_failures_have_the_output_of_their_test(finished: Finished) -> None:
    assert "printed by the test" in finished[1].stdout
    assert "assert 1 == 2" in finished[1].stdout
    assert "number 0" not in finished[1].stdout


def test_a_crash_fails_the_test_that_caused_it(finished: Finished) -> None:
    assert "test_failing.py::test_ends_its_process - The process of this test ended with 3." in finished[1].stdout
