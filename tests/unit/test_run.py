"""Each test file runs in one phase of `make test`, whose closing line counts the tests of all phases."""

from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import FAST, LAST, LONG, NOT_FAST, PHASES, is_of
from tests.run import count, summary
from tests.server import ROOT


def test_a_report_is_counted_by_outcome(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="2" errors="1" skipped="3"/></testsuites>')
    assert count(report) == {"failed": 2, "errors": 1, "skipped": 3, "passed": 3}


def test_phase_without_report_has_no_tests(tmp_path: Path) -> None:
    assert count(tmp_path / "none.xml") == {}


def test_summary_has_the_format_of_pytest() -> None:
    line = summary(Counter(passed=10, failed=2, skipped=0), 61.5)
    assert line.strip("=") == " 2 failed, 10 passed in 61.50s "


@pytest.mark.parametrize(
    "name", sorted({*FAST, *NOT_FAST, *LONG, *LAST, *(name for names in PHASES.values() for name in names)})
)
def test_named_files_and_folders_exist(name: str) -> None:
    assert (ROOT / "tests" / name).exists()


def test_every_file_is_of_one_phase() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        assert [is_of(phase, path) for phase in PHASES].count(True) == 1, path
