"""Every message reaches a `once` subscriber through `kill -9` of the worker that reads for it, in order in its chat."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import NullPool, create_engine, text

from chatapp.launcher.valkey import EmbeddedValkey
from tests import once
from tests.conftest import NewDatabase
from tests.edited import EditedServer
from tests.metrics import number, scrape
from tests.once import Written
from tests.people import Person, register

TAKEOVER_SECONDS = 15.0


class Site:
    """A server with two workers, whose subscriber writes to `file`."""

    def __init__(self, server: EditedServer, file: Path, database_url: str) -> None:
        self.server, self.file = server, file
        self.engine = create_engine(database_url, poolclass=NullPool)

    @property
    def written(self) -> list[Written]:
        """What was written so far."""
        return once.read(self.file)

    def slow_down(self, seconds: float) -> None:
        """Make the subscriber take that long for each call."""
        self.file.with_name(f"{self.file.name}.slow").write_text(str(seconds))

    def violations(self) -> list[str]:
        """What is missing or out of order by now."""
        with self.engine.connect() as db:
            ids = db.execute(text("SELECT id::text FROM messages")).scalars().all()
        return once.violations(self.written, ids)

    def kill_reader(self) -> int:
        """Kill the worker that holds the lease, once there is one; returns its process id."""
        before = len(self.written)
        wait_until(lambda: len(self.written) > before)
        pid = self.written[-1].pid
        os.kill(pid, signal.SIGKILL)
        return pid


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> float:
    """Wait until it holds; returns the seconds that it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "It took too long."
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.fixture
def site(new_database: NewDatabase, tmp_path: Path) -> Iterator[Site]:
    """A site of this test's own."""
    url = new_database(f"outbox_{secrets.token_hex(4)}")
    file = tmp_path / "written"
    with (
        EmbeddedValkey(tmp_path / "valkey") as valkey,
        EditedServer(url, tmp_path, once.lines(file), REDIS_URL=valkey.url, WEB_CONCURRENCY="2") as server,
    ):
        yield Site(server, file, url)


class Sender(Thread):
    """A user who sends to a chat until stopped, again after an error."""

    def __init__(self, person: Person, chat_id: str, pause: float = 0.02) -> None:
        super().__init__(daemon=True)
        self._person, self._chat_id, self._pause = person, chat_id, pause
        self.stopping = Event()

    def run(self) -> None:
        while not self.stopping.wait(self._pause):
            try:
                self._person.send(self._chat_id, "x")
            except (OSError, AssertionError):
                pass  # Of a worker that was killed.


def test_every_message_is_processed_in_order_through_kills(site: Site) -> None:
    people = [register(site.server.url, f"sender{number}") for number in range(4)]
    chats = [one.direct_chat(other) for one, other in zip(people[::2], people[1::2], strict=True)]
    senders = [Sender(person, chats[number // 2]) for number, person in enumerate(people)]
    for sender in senders:
        sender.start()
    # While the subscriber waits, its worker has the lease.
    site.slow_down(0.5)
    for _ in range(2):
        pid = site.kill_reader()
        seconds = wait_until(lambda pid=pid: site.written[-1].pid != pid)  # type: ignore[misc]
        print(f"another worker took over after {seconds:.1f} s")
        assert seconds < TAKEOVER_SECONDS
    site.slow_down(0)
    wait_until(lambda: len(site.written) > 100, 90)
    for sender in senders:
        sender.stopping.set()
        sender.join()
    wait_until(lambda: not site.violations())
    with site.engine.connect() as db:
        wait_until(lambda: db.execute(text("SELECT count(*) FROM outbox")).scalar() == 0)
    assert "Traceback" not in site.server.log


def test_events_arrive_at_once_from_any_worker_and_are_counted(site: Site) -> None:
    alice, bob = register(site.server.url, "alice"), register(site.server.url, "bob")
    chat_id = alice.direct_chat(bob)
    for number_ in range(10):
        sent = alice.send(chat_id, str(number_))["id"]
        # Less than a poll.
        assert wait_until(lambda sent=sent: any(event.message_id == sent for event in site.written)) < 2  # type: ignore[misc]
    site.slow_down(8)
    alice.send(chat_id, "x")
    wait_until(lambda: number(scrape(site.server.url), "chat_outbox_rows") == 1)
    wait_until(lambda: number(scrape(site.server.url), "chat_outbox_age_seconds") > 1)
