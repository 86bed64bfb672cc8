"""Leases: work that one worker at a time does, and another one continues after it was killed.

A lease is a row with a time in PostgreSQL, as a pooler in transaction mode allows no session locks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent

from chatapp.core.application import spawn
from chatapp.core.errors import Unavailable

# How long a lease lasts after its last renewal, and how often it is renewed, in seconds.
LEASE_SECONDS = 8.0
RENEW_SECONDS = 2.0


@contextmanager
def renewed(renew: Callable[[], object]) -> Iterator[None]:
    """Renew a lease during the block, whatever it waits for."""

    def loop() -> None:
        while True:
            gevent.sleep(RENEW_SECONDS)
            try:
                renew()
            except Unavailable:
                pass  # The lease may end; whatever depends on it checks that itself.

    renewing = spawn(loop)
    try:
        yield
    finally:
        renewing.kill()
