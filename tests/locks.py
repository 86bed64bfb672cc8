"""Waits until something is blocked by a lock that a test holds."""

import time
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection, Engine, text

BLOCKED = text("SELECT count(*) FROM pg_stat_activity WHERE :holder = ANY(pg_blocking_pids(pid))")


def until_blocked(engine: Engine, holder: Connection, waiting: Future[Any], timeout: float = 10) -> None:
    """Return once the locks of `holder` block another connection; AssertionError if `waiting` ends without that."""
    pid = holder.execute(text("SELECT pg_backend_pid()")).scalar_one()
    deadline = time.monotonic() + timeout
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        while not db.execute(BLOCKED, {"holder": pid}).scalar_one():
            assert not waiting.done(), waiting.result()
            assert time.monotonic() < deadline
            time.sleep(0.005)
