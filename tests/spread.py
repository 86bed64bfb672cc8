"""`--processes N` of pytest: runs the tests in N forks of the process that has collected them.

Importing all tests and what they need takes longer than most files do, and is done once. A fork takes one file after the
other, each as a whole, so that the fixtures of a module are made once. The first process prints and counts the reports.
"""

import atexit
import gc
import os
import traceback
from collections import deque
from itertools import groupby, pairwise
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest
import uuid_utils
from hypothesis import strategies

from tests import forked

Files = list[list[pytest.Item]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processes", type=int, default=0, metavar="N", help="run the tests in N processes, by file")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Replaces pytest's own loop where there are several processes."""
    files = [list(items) for _, items in groupby(session.items, key=lambda item: item.path)]
    processes = min(session.config.getoption("processes"), len(files))
    if processes < 2 or session.testsfailed or session.config.option.collectonly:
        return None
    if len(files) > processes:
        # A few files may need no server.
        forked.start()
    # Computes tables of characters, once per clone.
    strategies.text().validate()
    # A fork would continue the sequence of ids.
    os.register_at_fork(after_in_child=uuid_utils.reseed_rng)
    # The forks share the memory that no collection writes to.
    gc.collect()
    gc.freeze()
    workers: list[Worker] = []
    for _ in range(processes):
        workers.append(Worker(session, files, [worker.connection for worker in workers]))
    try:
        serve(session, workers, deque(range(len(files))))
    finally:
        # After an interruption too, they end once they can't report: this process waits for what they started.
        for worker in workers:
            worker.connection.close()
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    return True


class Worker:
    """A fork, seen from the first process. `test` is what it runs: the id and the location."""

    def __init__(self, session: pytest.Session, files: Files, others: list[Connection]) -> None:
        self.test: tuple[str, Any] = ("", ("", None, ""))
        self.connection, theirs = Pipe()
        self.pid = os.fork()
        if not self.pid:
            # It ends with the first process, whose ends of all connections must be closed then.
            for connection in (*others, self.connection):
                connection.close()
            run(session, files, theirs)
        theirs.close()

    def end(self) -> pytest.TestReport | None:
        """Wait for the end of the process; the failure of its test if it was a crash."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        said = f"The process of this test ended with {status}."
        return pytest.TestReport(*self.test, {}, "failed", said, "call") if status else None


def serve(session: pytest.Session, workers: list[Worker], waiting: deque[int]) -> None:
    """Give files to the workers, and pass their reports to pytest, until all are done."""
    hook, config = session.config.hook, session.config
    by_connection: dict[Any, Worker] = {worker.connection: worker for worker in workers}
    while by_connection:
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]
            try:
                message = worker.connection.recv()
            except EOFError:
                del by_connection[connection]
                if crash := worker.end():
                    hook.pytest_runtest_logreport(report=crash)
                continue
            if message is None:
                worker.connection.send(waiting.popleft() if waiting and not session.shouldfail else None)
            elif isinstance(message, tuple):
                worker.test = message
            else:
                report = hook.pytest_report_from_serializable(config=config, data=message)
                hook.pytest_runtest_logreport(report=report)


class Reporter:
    """Sends the reports of a worker to the first process."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self._connection.send((nodeid, location))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._connection.send(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))


def run(session: pytest.Session, files: Files, connection: Connection) -> None:
    """Run files in this process, a fork, until there are no more, and end it."""
    status = 1
    try:
        plugins = session.config.pluginmanager
        plugins.unregister(name="terminalreporter")
        plugins.register(Reporter(session.config, connection))
        capture: Any = plugins.getplugin("capturemanager")
        # The forks would write to the same file.
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture(in_=True)
        run_files(session, files, connection)
        status = 0
    except BaseException:
        traceback.print_exc()
        session._setupstate.teardown_exact(None)
    finally:
        atexit._run_exitfuncs()
        os._exit(status)


def run_files(session: pytest.Session, files: Files, connection: Connection) -> None:
    """Run files until there are no more."""

    def ask() -> list[pytest.Item]:
        connection.send(None)
        number = connection.recv()
        return [] if number is None else files[number]

    file = ask()
    while file:
        for item, following in pairwise([*file, None]):
            assert item
            if not following:
                # Fixtures are kept for the next test, so the next file must be known.
                file = ask()
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following or (file[0] if file else None))
            if session.shouldfail:
                return
