"""`python -m tests.run`, which is `make test`: runs the tests in three phases, so that all cores are used.

First more processes than there are cores share those tests whose results don't depend on how busy the machine is; then
one process for each core runs those that mostly wait, for which the machine must not be busier than that; last, one
process runs those that measure. `tests/conftest.py` says which is which. Arguments go to pytest in all phases. The last
line counts all tests.

`python -m tests.run fast`, which is `make test-fast`, runs only the tests that `FAST` names there.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

MAX_PROCESSES = 4
# pytest's exit code where a phase has no test of those that were asked for.
NO_TESTS = pytest.ExitCode.NO_TESTS_COLLECTED


def count(report: Path) -> Counter[str]:
    """How many tests a JUnit report has of each outcome."""
    counts: Counter[str] = Counter()
    for suite in ET.parse(report).getroot() if report.exists() else ():
        failed, errors, skipped = (int(suite.get(name, 0)) for name in ("failures", "errors", "skipped"))
        counts += Counter(failed=failed, errors=errors, skipped=skipped)
        counts["passed"] += int(suite.get("tests", 0)) - failed - errors - skipped
    return counts


def summary(counts: Counter[str], seconds: float) -> str:
    """One line in pytest's form."""
    parts = [f"{counts[name]} {name}" for name in ("failed", "passed", "skipped", "errors") if counts[name]]
    return f" {', '.join(parts) or 'no tests ran'} in {seconds:.2f}s ".center(80, "=")


def spread_over(processes: int) -> list[str]:
    """pytest's options for a phase that so many processes share; one runs all tests of a file, which share fixtures."""
    return ["-n", str(min(MAX_PROCESSES, processes)), "--dist", "loadfile", "--no-loadscope-reorder"]


def main() -> int:
    """Run all phases, or the fast one; the exit code is that of the first that failed."""
    cores = os.cpu_count() or 1
    # More processes than there are cores: tests wait a good part of their time.
    phases = {"parallel": spread_over(cores + 1), "waiting": spread_over(cores), "serial": ["-p", "no:xdist"]}
    arguments = sys.argv[1:]
    if arguments[:1] == ["fast"]:
        phases, arguments = {"fast": spread_over(cores + 1)}, arguments[1:]
    began, counts, codes = time.monotonic(), Counter[str](), []
    with tempfile.TemporaryDirectory(prefix="chatapp-test-") as folder:
        for phase, options in phases.items():
            print(f"\n--- {phase} phase", flush=True)
            report = Path(folder, f"{phase}.xml")
            command = [sys.executable, "-m", "pytest", "--phase", phase, *options, "--durations=15"]
            codes.append(subprocess.run([*command, f"--junitxml={report}", *arguments]).returncode)
            counts += count(report)
            if codes[-1] not in (0, NO_TESTS) and {"-x", "--exitfirst"} & set(arguments):
                break
    print(summary(counts, time.monotonic() - began))
    failed = [code for code in codes if code not in (0, NO_TESTS)]
    return failed[0] if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main())
