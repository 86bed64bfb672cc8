"""One action, one transaction; its events are published after the commit, never before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection

from chatapp.core import db, outbox
from chatapp.core.events import Announced, deliver

_open: ContextVar[bool] = ContextVar("unit_of_work_open", default=False)


class UnitOfWork:
    """An open transaction. `db` runs statements in it; nothing but SQL happens until it ends."""

    def __init__(self, connection: Connection) -> None:
        self.db = connection
        # The time of the commit (time.perf_counter()).
        self.committed_at = 0.0
        self._announced: list[Announced] = []

    def announce(self, event: Announced) -> None:
        """Deliver `event` after the commit; never if the transaction is not committed."""
        self._announced.append(event)

    def record(self) -> None:
        """Record the announced events for `once` subscribers, before the commit."""
        outbox.record(self.db, self._announced)

    def deliver(self) -> None:
        """Deliver the announced events, in order."""
        outbox.committed(self._announced)
        for event in self._announced:
            deliver(event)


@contextmanager
def unit_of_work(*, single: bool = False, lock_bounded: bool = False) -> Iterator[UnitOfWork]:
    """Open the transaction of an action: committed at the end of the block, rolled back by an exception.

    With `single`, for one statement, PostgreSQL commits by itself, in one round trip instead of three: the statement is
    committed when it returns, and has to record events for `once` subscribers itself. With `lock_bounded`, it raises
    Locked instead of waiting long for a lock.

    Raises RuntimeError if one is open already (an action never calls another), Unavailable without a database.
    """
    if _open.get():
        raise RuntimeError("A unit of work is open already: an action never calls another one.")
    token = _open.set(True)
    try:
        with db.lock_bounded() if lock_bounded else db.reading() if single else db.writing() as connection:
            work = UnitOfWork(connection)
            yield work
            if not single:
                work.record()
    finally:
        _open.reset(token)
    work.committed_at = time.perf_counter()
    work.deliver()
