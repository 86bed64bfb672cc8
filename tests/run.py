"""`python -m tests.run`, which is `make test`: runs the tests in three phases, so that all cores are used.

The parallel phase has the tests whose results don't depend on how busy the machine is. Beside it, and with priority,
runs the waiting phase: tests that mostly wait, but for which the machine must not be busy. Last, one process runs the
serial phase: tests that measure. `tests/conftest.py` says which is which. Arguments go to pytest in all phases. The last
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


def start(phase: str, options: list[str], arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start pytest for a phase, with its report in `folder`; the output of the waiting phase goes there too."""
    command = [sys.executable, "-m", "pytest", "--phase", phase, *options, "--durations=15"]
    command += [f"--junitxml={folder / phase}.xml", *arguments]
    if phase != "waiting":
        return subprocess.Popen(["nice", "-n", "5", *command] if phase == "parallel" else command)
    with (folder / phase).open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output)


def main() -> int:
    """Run all phases, or the fast one; the exit code is that of the first that failed."""
    cores = os.cpu_count() or 1
    # More processes than there are cores: tests wait a good part of their time.
    groups = [
        {"waiting": spread_over(cores + 1), "parallel": spread_over(cores + 1)},
        {"serial": ["-p", "no:xdist"]},
    ]
    arguments = sys.argv[1:]
    if arguments[:1] == ["fast"]:
        groups, arguments = [{"fast": spread_over(cores + 1)}], arguments[1:]
    began, counts, codes = time.monotonic(), Counter[str](), []
    with tempfile.TemporaryDirectory(prefix="chatapp-test-") as name:
        folder = Path(name)
        for group in groups:
            print(f"\n--- {' and '.join(group)} phase", flush=True)
            processes = {phase: start(phase, options, arguments, folder) for phase, options in group.items()}
            for phase, process in reversed(processes.items()):
                codes.append(process.wait())
                counts += count(folder / f"{phase}.xml")
                if phase == "waiting":
                    print(f"\n--- waiting phase\n{(folder / phase).read_text()}", flush=True)
            if set(codes) - {0, NO_TESTS} and {"-x", "--exitfirst"} & set(arguments):
                break
    print(summary(counts, time.monotonic() - began))
    failed = [code for code in codes if code not in (0, NO_TESTS)]
    return failed[0] if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main())
