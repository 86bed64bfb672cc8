"""The closing line of `make test` counts the tests of both phases."""

from collections import Counter
from pathlib import Path

from tests.run import count, summary


def test_a_report_is_counted_by_outcome(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="2" errors="1" skipped="3"/></testsuites>')
    assert count(report) == {"failed": 2, "errors": 1, "skipped": 3, "passed": 3}


def test_phase_without_report_has_no_tests(tmp_path: Path) -> None:
    assert count(tmp_path / "none.xml") == {}


def test_summary_has_the_format_of_pytest() -> None:
    line = summary(Counter(passed=10, failed=2, skipped=0), 61.5)
    assert line.strip("=") == " 2 failed, 10 passed in 61.50s "
