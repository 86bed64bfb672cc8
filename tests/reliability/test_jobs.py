"""A job continues in another worker after `kill -9`; a scheduled one runs once per due time on two workers."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from chatapp.core import jobs
from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import NewDatabase
from tests.edited import EditedServer
from tests.waiting import eventually

TAKEOVER_SECONDS = 15.0
STEPS = 60
# Lines of the file: what, process id, time, and the progress of earlier attempts.
_LINES = """
import os, time
import gevent
from chatapp.core import jobs

def _note(what, done=0):
    with open({path!r}, "a") as file:
        file.write(f"{{what}} {{os.getpid()}} {{time.time()}} {{done}}\\n")

def _long(job):
    _note("began", job.done)
    for step in range(job.done, {steps}):
        gevent.sleep(0.1)
        job.progress(step + 1, {steps})
    _note("ended")
    return {{"steps": {steps}}}

jobs.register([
    jobs.JobType("test_long", _long),
    jobs.JobType("test_tick", lambda job: _note("tick"), jobs.Schedule(2.0)),
])
"""


class Site:
    """A server with two workers, whose jobs write to a file."""

    def __init__(self, file: Path, engine: Engine) -> None:
        self._file, self.engine = file, engine

    def lines(self, what: str) -> list[tuple[int, float, int]]:
        """What was written so far: process id, time, progress."""
        found = [line.split() for line in self._file.read_text().splitlines()] if self._file.exists() else []
        return [(int(pid), float(at), int(done)) for name, pid, at, done in found if name == what]


@pytest.fixture(scope="module")
def site(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of this module's own."""
    folder = tmp_path_factory.mktemp("jobs")
    url, file = new_database("chat_jobs"), folder / "lines"
    engine = create_engine(url, poolclass=NullPool)
    lines = _LINES.format(path=str(file), steps=STEPS)
    with (
        EmbeddedValkey(folder / "valkey") as valkey,
        EditedServer(url, folder, lines, REDIS_URL=valkey.url, WEB_CONCURRENCY="2"),
    ):
        yield Site(file, engine)
    engine.dispose()


def test_a_scheduled_job_runs_once_per_due_time(site: Site) -> None:
    eventually(lambda: len(site.lines("tick")) > 5, 30)
    times = [at for _, at, _ in site.lines("tick")]
    # Within a poll of its due time, an even second, and never twice for the same.
    due = [at // 2 for at in times]
    assert len(set(due)) == len(due)


def test_a_job_continues_in_another_worker_after_a_kill(site: Site) -> None:
    with site.engine.begin() as db:
        id = jobs.enqueue(db, "test_long")

    def job(column: str) -> object:
        with site.engine.connect() as db:
            return db.execute(text(f"SELECT {column} FROM jobs WHERE id = :id"), {"id": id}).scalar()

    eventually(lambda: int(str(job("done"))) > 10, 30)
    [(pid, _, _)] = site.lines("began")
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    eventually(lambda: len(site.lines("began")) > 1, 30)
    seconds = time.monotonic() - killed
    print(f"another worker continued after {seconds:.1f} s")
    assert seconds < TAKEOVER_SECONDS
    other, _, done = site.lines("began")[1]
    assert other != pid
    assert done > 10
    eventually(lambda: job("status") == "done", 30)
    assert (job("attempts"), job("result"), len(site.lines("ended"))) == (2, {"steps": STEPS}, 1)
