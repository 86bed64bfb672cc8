"""Low-level names of redis-py.

- `make_connection` of a pool, and `send_command` and `read_response` of the connection: one connection that no pool
  manages, since a client retries by itself, which hides lost batches from the bus (`fanout/bus.py`).
"""

from typing import Any

import redis

TESTED = ("8.1.0", "8.1.0")


def bare_connection(url: str, *, timeout: float, connect_timeout: float) -> Any:
    """A connection that opens on use, and again after a failure; a longer wait raises redis.TimeoutError."""
    pool = redis.ConnectionPool.from_url(
        url,
        protocol=2,  # `read_response` doesn't return messages of RESP3, the default since redis-py 8
        socket_timeout=timeout,
        socket_connect_timeout=connect_timeout,
        socket_keepalive=True,
    )
    return pool.make_connection()
