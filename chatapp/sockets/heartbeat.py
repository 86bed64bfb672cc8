"""The heartbeats of all sessions of a worker, sent by one task. It also ends upgrades that take too long."""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

# For a client to complete an upgrade to a websocket; the same as in the reference implementation.
UPGRADE_TIMEOUT = 10.0


class Session(Protocol):
    """What a heartbeat needs of a session."""

    @property
    def closed(self) -> bool:
        """True once the session has ended."""

    @property
    def busy(self) -> bool:
        """True while packets of the client wait to be read or handled."""

    # When the ping was sent that has no pong yet, on the monotonic clock.
    pinged_at: float | None

    def ping(self) -> None:
        """Send a ping."""

    def miss_pong(self) -> None:
        """End the session."""


class Heartbeat:
    """When pings are due and pongs overdue, and the deadlines of upgrades.

    Each queue is in order of time, since `interval` and `timeout` (in seconds) are the same for all sessions.
    """

    def __init__(self, interval: float, timeout: float) -> None:
        self.interval = interval
        self.timeout = timeout
        self._due: deque[tuple[float, Session]] = deque()
        # With the time of the ping.
        self._overdue: deque[tuple[float, float, Session]] = deque()
        self._upgrades: deque[tuple[float, Callable[[], bool]]] = deque()

    def schedule(self, session: Session) -> None:
        """Schedule the next ping of a session that has no ping outstanding."""
        session.pinged_at = None
        self._due.append((time.monotonic() + self.interval, session))

    def limit_upgrade(self, expire: Callable[[], bool]) -> None:
        """Call `expire` after `UPGRADE_TIMEOUT`, and again each time that it returns False."""
        self._upgrades.append((time.monotonic() + UPGRADE_TIMEOUT, expire))

    def beat(self) -> None:
        """Send due pings, and end what is overdue (a background task)."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, session = self._due.popleft()
            if not session.closed:
                session.pinged_at = now
                session.ping()
                self._overdue.append((now + self.timeout, now, session))
        while self._overdue and self._overdue[0][0] <= now:
            _, pinged_at, session = self._overdue.popleft()
            if session.closed or session.pinged_at != pinged_at:
                continue
            if session.busy:
                # The pong may be among the packets that the server has not read yet.
                self._overdue.append((now + self.timeout, pinged_at, session))
            else:
                session.miss_pong()
        while self._upgrades and self._upgrades[0][0] <= now:
            _, expire = self._upgrades.popleft()
            if not expire():
                self._upgrades.append((now + UPGRADE_TIMEOUT, expire))
