"""Moves clients away from a worker that alone lost Redis.

Such a worker emits nothing. If other workers still have Redis, it closes its sockets, spread over some seconds, and
refuses new ones with a 503, so that a proxy or the client tries another server. If no worker has Redis, clients would
gain nothing by reconnecting, and stay.
"""

import math
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from chatapp.core.errors import Unavailable
from chatapp.fanout.rooms import rooms
from chatapp.server.problems import respond
from chatapp.server.transfer import SOCKETIO_PATH, session_of

log = structlog.get_logger()

# By then every worker has recorded whether it lost Redis too.
ISOLATED_AFTER = 10.0
SPREAD_SECONDS = 5.0
ISOLATION_CHECK_SECONDS = 0.5


class Isolation:
    """True while this worker has been without Redis for `ISOLATED_AFTER` and others have it.

    `seconds_disconnected` returns the duration, `others_connected` asks the database about the other workers.
    """

    def __init__(self, seconds_disconnected: Callable[[], float], others_connected: Callable[[], bool]) -> None:
        self._seconds_disconnected = seconds_disconnected
        self._others_connected = others_connected
        self._closed_by: float | None = None

    def check(self) -> None:
        """Update the state, and close some sockets (a background task, every `ISOLATION_CHECK_SECONDS`); raises
        Unavailable."""
        if self._seconds_disconnected() < ISOLATED_AFTER or not self._others_connected():
            self._closed_by = None
            return
        now = time.monotonic()
        if self._closed_by is None:
            self._closed_by = now + SPREAD_SECONDS
            log.warning("worker_isolated", sockets=len(rooms()))
        connections = list(rooms())
        steps = max(1.0, (self._closed_by - now) / ISOLATION_CHECK_SECONDS)
        for connection in random.sample(connections, math.ceil(len(connections) / steps)):
            connection.abort()

    def guard(self, application: Any) -> Any:
        """A WSGI application that refuses Engine.IO handshakes while this worker is isolated."""

        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if self._closed_by is not None and _is_handshake(environ):
                return respond(Unavailable("This server is temporarily isolated. Connect again.").problem())(
                    environ, start_response
                )
            return application(environ, start_response)  # type: ignore[no-any-return]

        return call


def _is_handshake(environ: dict[str, Any]) -> bool:
    return environ["PATH_INFO"].startswith(SOCKETIO_PATH) and session_of(environ) is None
