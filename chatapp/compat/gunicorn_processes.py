"""Private names of gunicorn that belong to its master and its workers. The versions tested are in `gunicorn.py`.

- The worker overrides `run`, `handle`, `handle_request`, `handle_error`, `init_signals` and `handle_exit` of gunicorn's
  gevent worker, since that one ends only after `graceful_timeout` while sockets are open.
- The master overrides `setup`, `reload`, `manage_workers` and `reap_workers` of gunicorn's arbiter, since that one ends
  old workers before new ones can serve. There is no setting for its class: `base.Arbiter` is replaced.
- `SocketUnreader.max_body_chunk` is how much of a body is received at once; there is no setting for it.
- `util.write_error` writes responses to requests that can't be parsed, as HTML; it is replaced. `util.write_nonblock`
  writes without waiting for the client.

The master imports this module.
"""

from collections.abc import Callable
from typing import Any

from gunicorn import arbiter, util
from gunicorn.app import base
from gunicorn.errors import HaltServer
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.ggevent import GeventWorker

__all__ = ["BaseArbiter", "BaseWorker", "HaltServer"]

write_without_waiting: Callable[[Any, bytes], None] = util.write_nonblock


class BaseWorker(GeventWorker):  # type: ignore[misc]
    """gunicorn's gevent worker, with what our worker uses of it."""

    pid: int
    age: int
    alive: bool
    # The application, the listening sockets, and the maximum number of open connections.
    wsgi: Any
    sockets: list[Any]
    worker_connections: int


class BaseArbiter(arbiter.Arbiter):  # type: ignore[misc]
    """gunicorn's master, with what our master uses of it."""

    app: Any
    log: Any
    # The configured number of workers, the age of the latest one, and the running ones by process id.
    num_workers: int
    worker_age: int
    WORKERS: dict[int, Any]


def use_arbiter(arbiter_class: type[BaseArbiter]) -> None:
    """Make gunicorn use this class for its master; called by its configuration file, which it reads first."""
    base.Arbiter = arbiter_class


def receive_at_once(size: int) -> None:
    """Receive at most `size` bytes of a body at once."""
    SocketUnreader.max_body_chunk = size


def respond_to_invalid_requests(write: Callable[[Any, int, str, str], None]) -> None:
    """Make gunicorn respond to requests that it could not parse with `write(connection, status, reason, detail)`."""
    util.write_error = write
