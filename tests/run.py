"""`python -m tests.run`, which is `make test`: runs the tests in three phases, so that all cores are used.

Some processes run the tests that mostly wait, but must get the processor when they need it. What they leave of it goes
to others, of a lower priority, which run the tests whose results don't depend on how busy the machine is. After the
first, one process runs the tests that measure, alone but for those others. `tests/conftest.py` says which is which.
Arguments go to pytest in all phases. The last line counts all tests.

`python -m tests.run fast`, which is `make test-fast`, runs only the tests that `FAST` names there.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

MAX_PROCESSES = 4
# Of the parallel phase: the processes of others get the processor whenever they need it.
NICENESS = 19
LOOK_SECONDS = 0.2
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
    return ["--processes", str(min(MAX_PROCESSES, processes))]


def command(phase: str, folder: Path, *options: str) -> list[str]:
    """The command that runs a phase."""
    report = f"--junitxml={folder / phase}.xml"
    return [sys.executable, "-m", "pytest", "-p", "tests.spread", "--phase", phase, "--durations=15", report, *options]


def environment() -> dict[str, str]:
    """The environment of all phases."""
    # Without caches each process would compile all tests again: five seconds of each.
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def set_niceness(process: subprocess.Popen[bytes], alone: threading.Event) -> None:
    """Keep the sessions that a process starts at its niceness until it is `alone`.

    Linux shares time between sessions first ("autogroup"), and `nice` has an effect within a session only.
    """
    ours, others, sessions = {process.pid}, set[int](), set[int]()
    while process.poll() is None and not alone.wait(LOOK_SECONDS):
        running = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        ours &= running
        others &= running
        # Parents have the lower number, mostly. Only new processes are read: there are many.
        for pid in sorted(running - ours - others):
            (ours if parent_of(pid) in ours else others).add(pid)
        for pid in ours:
            with suppress(OSError):
                if (session := os.getsid(pid)) not in sessions:
                    set_session_niceness(pid, NICENESS)
                    sessions.add(session)
    for pid in ours:
        set_session_niceness(pid, 0)


def parent_of(pid: int) -> int:
    """The id of the parent of a process; 0 if it has ended."""
    try:
        # The name of the program, in parentheses, can contain anything.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def set_session_niceness(pid: int, niceness: int) -> None:
    """Give the session of a process a niceness among sessions, if it is still there."""
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


def run_beside(background: list[str], foreground: list[list[str]], output: Path, *, stop: bool = False) -> list[int]:
    """Run commands, one after the other, with priority over another one; returns all exit codes, its own first.

    With `stop`, none follows one that failed. Their output is printed at the end.
    """
    codes: list[int] = []
    nice = subprocess.Popen(["nice", "-n", str(NICENESS), *background], env=environment(), start_new_session=True)
    alone = threading.Event()
    if sys.platform == "linux":
        threading.Thread(target=set_niceness, args=(nice, alone), daemon=True).start()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with output.open("wb") as file:
            for command in foreground:
                done = subprocess.run(command, env=environment(), stdout=file, stderr=subprocess.STDOUT)
                codes.append(done.returncode)
                if stop and done.returncode not in (0, NO_TESTS):
                    break
        alone.set()
        return [nice.wait(), *codes]
    except KeyboardInterrupt:
        # It is in a session of its own, which neither a terminal nor SIGTERM reaches.
        os.killpg(nice.pid, signal.SIGINT)
        nice.wait()
        raise
    finally:
        print(output.read_text(), flush=True)


def main() -> int:
    """Run all phases, or the fast one; the exit code is that of the first that failed."""
    cores = os.cpu_count() or 1
    arguments = sys.argv[1:]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chatapp-test-") as name:
        folder = Path(name)
        # More processes than there are cores: tests wait a good part of their time.
        if arguments[:1] == ["fast"]:
            fast = command("fast", folder, *spread_over(cores + 2), *arguments[1:])
            codes = [subprocess.run(fast, env=environment()).returncode]
        else:
            # One more: from the end of `waiting` on it has the processors for itself, and its browsers wait in turns.
            parallel = command("parallel", folder, *spread_over(cores + 2), *arguments)
            waiting = command("waiting", folder, *spread_over(cores + 1), *arguments)
            serial = command("serial", folder, *arguments)
            stop = bool({"-x", "--exitfirst"} & set(arguments))
            codes = run_beside(parallel, [waiting, serial], folder / "foreground.txt", stop=stop)
        counts = sum(map(count, folder.glob("*.xml")), Counter[str]())
    print(summary(counts, time.monotonic() - began))
    failed = [code for code in codes if code not in (0, NO_TESTS)]
    return failed[0] if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main())
