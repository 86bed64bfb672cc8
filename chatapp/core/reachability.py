"""Checks whether the database can be reached while a connection is silent: a slow statement looks like a cut network.

One new connection at a time is attempted, for all waiting callers. If it gets no response, the database is lost: all
waiting calls fail, and new requests fail at once instead of queueing, until a connection succeeds again.
"""

from collections.abc import Callable

import gevent
import structlog
from gevent.event import AsyncResult

from chatapp.core.application import spawn

log = structlog.get_logger()

RETRY_DELAY = 1.0


class Reachability:
    """Whether the database can be reached. `connect` opens a connection or raises; `on_lost` is called once the
    database is lost."""

    def __init__(self, connect: Callable[[], None], on_lost: Callable[[], None]) -> None:
        self.is_lost = False
        self._connect = connect
        self._on_lost = on_lost
        self._result: AsyncResult | None = None
        self._checking: gevent.Greenlet | None = None

    def check(self) -> bool:
        """Whether the database responds to a new connection."""
        if self.is_lost or self._checking is gevent.getcurrent():
            return False
        if self._result:
            return bool(self._result.get())
        self._result = result = AsyncResult()
        self._checking = gevent.getcurrent()
        responds = False
        try:
            responds = self._responds()
        finally:
            # However this greenlet ends, the waiting ones continue.
            self._result = self._checking = None
            result.set(responds)
        if not responds:
            self.is_lost = True
            log.error("database_unreachable")
            self._on_lost()
            spawn(self._wait_for_return)
        return responds

    def _responds(self) -> bool:
        try:
            self._connect()
        except Exception:
            return False
        return True

    def _wait_for_return(self) -> None:
        while not self._responds():
            gevent.sleep(RETRY_DELAY)
        self.is_lost = False
        log.info("database_reachable")
