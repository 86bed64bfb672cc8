"""How gunicorn runs the server; read by `gunicorn wsgi:app` from this folder."""

from gevent import monkey

# Before the configuration imports modules that would keep blocking sockets.
monkey.patch_all()

import gc  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from gunicorn.glogging import Logger  # noqa: E402

# The master only starts and watches workers: nothing here may import the application, which each worker loads.
from chatapp.core import logs, metrics  # noqa: E402
from chatapp.core.version import __version__  # noqa: E402
from chatapp.server import arbiter  # noqa: E402
from chatapp.server.admission import SharedCounters  # noqa: E402
from chatapp.server.transfer import make_folder  # noqa: E402
from chatapp.server.worker import Worker  # noqa: E402
from config import ConfigError, load  # noqa: E402

try:
    _settings = load()
except ConfigError as error:
    sys.exit(f"error: The environment can't be served with:\n{error}")

arbiter.install()
# The metrics port last: a transferred connection counts as one of the first.
bind = [_settings.address(port) for port in (_settings.port, _settings.metrics_port) if port]
worker_class = "chatapp.server.worker.Worker"
workers = _settings.workers
# Each open socket counts as a connection.
worker_connections = 20_000
# Connections that wait to be accepted, as after a failure of the network; the kernel limits it to net.core.somaxconn.
backlog = 8192
# Longer than proxies keep their connections, so that the server never closes first.
keepalive = 95
# gunicorn's maximum: the schema of a field reports a value that is too long.
limit_request_line = 8190
graceful_timeout = 5
timeout = 60
control_socket_disable = True
# ProxyFix handles forwarded headers (TRUSTED_PROXIES); gunicorn ignores them, and so need not check the sender of each
# request.
forwarded_allow_ips, forwarder_headers = "*", ""
secure_scheme_headers: dict[str, str] = {}
# sendfile would bypass `Connection.sendall`, which limits how long a client takes to receive a response.
sendfile = False
loglevel = _settings.log_level.lower()


class ServerLog(Logger):  # type: ignore[misc]
    """gunicorn's messages in the format of all other logs."""

    def access(self, *_request: Any) -> None:
        """Called by gunicorn for each request, which `chatapp/rest/access.py` has logged."""

    def setup(self, cfg: Any) -> None:
        """Called by gunicorn in the master, and again for a reload."""
        logs.configure(_settings.log_level)
        # At lower levels gunicorn logs the path of each request, which can contain anything.
        self.error_log.setLevel(max(logging.INFO, logging.getLevelName(_settings.log_level)))
        self.error_log.propagate = True


logger_class = ServerLog


def when_ready(server: Any) -> None:
    """Called by gunicorn in the master, just before workers start."""
    server.log.info("Chat server %s", __version__)
    # Stored in the master itself, which outlives this module: a reload reads it again.
    server.folder = folder = make_folder(server.cfg.uid, server.cfg.gid)
    os.environ[metrics.FOLDER] = str(folder / "metrics")
    # For one worker too: during a reload there are two.
    Worker.folder = folder
    Worker.counters = SharedCounters()


def post_worker_init(worker: Worker) -> None:
    """Called by gunicorn in each worker once the application is loaded."""
    from chatapp.compat.versions import warn_if_untested

    warn_if_untested()
    worker.wsgi.extensions["background"].start()
    worker.wsgi.extensions["garbage"].start()


def worker_exit(_server: Any, _worker: Worker) -> None:
    """Called by gunicorn in a worker that ends regularly: write the counters of the last second."""
    from chatapp.rest.metrics import write

    write()


def child_exit(_server: Any, worker: Worker) -> None:
    """Called by gunicorn in the master when a worker has ended, even by kill -9."""
    from prometheus_client.multiprocess import mark_process_dead

    worker.leave()
    if worker.counters:
        worker.counters.release(worker.part)
    mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Called by gunicorn in the master at the end."""
    if folder := getattr(server, "folder", None):
        shutil.rmtree(folder, ignore_errors=True)
    gc.freeze()  # As in the workers.
