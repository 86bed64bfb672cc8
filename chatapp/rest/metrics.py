"""`/metrics`: the metrics of all workers (`core/metrics.py`) in the Prometheus format.

Each worker writes its metrics once a second to files in the format of prometheus-client's multiprocess mode; the worker
that serves the request adds them up. `gunicorn.conf.py` creates the folder.
"""

import atexit
import functools
import hmac
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from flask import Blueprint, Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from chatapp.compat.prometheus_client import MmapedDict, bound_label, open_values, sample_key
from chatapp.core import metrics
from chatapp.core.addresses import is_local
from chatapp.core.batching import Coalescer
from chatapp.core.db import Database
from chatapp.core.errors import Forbidden, NotFound, Unauthenticated
from chatapp.core.settings import Settings
from chatapp.rest.bearer import bearer_token
from chatapp.server.problems import respond

LAG_SECONDS = 0.25
STATEMENT = Path("/proc/self/statm")
# The paths that METRICS_PORT serves: it must not expose the API past the proxy.
ON_OWN_PORT = {"/metrics", "/healthz", "/readyz"}
NOTHING_HERE = NotFound("Not found.")


class _Book:
    """This worker's metrics, written to the files that all workers read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, MmapedDict] = {}
        # Per sample: its key, the value that an earlier worker with this process id left, and the last written value.
        self._lines: dict[object, tuple[str, float]] = {}
        self._written: dict[str, float] = {}

    def write(self) -> None:
        """Write the values that have changed."""
        for metric in metrics.ALL:
            for sample in metric.samples():
                key, before = self._line(metric, sample)
                if self._written.get(key) != sample.value:
                    self._written[key] = sample.value
                    self._file(metric.kind).write_value(key, before + sample.value, 0.0)

    def _line(self, metric: metrics.Metric, sample: metrics.Sample) -> tuple[str, float]:
        place = sample.name, sample.labels, sample.up_to
        if place not in self._lines:
            names, values = list(metric.labels), list(sample.labels)
            if sample.up_to is not None:
                names, values = [*names, "le"], [*values, bound_label(sample.up_to)]
            key = sample_key(metric.name, sample.name, names, values, metric.about)
            before = 0.0 if metric.kind.startswith("gauge") else self._file(metric.kind).read_value(key)[0]
            self._lines[place] = key, before
        return self._lines[place]

    def _file(self, kind: str) -> MmapedDict:
        if kind not in self._files:
            self._files[kind] = open_values(self._folder, kind)
        return self._files[kind]


@functools.cache
def _book() -> _Book:
    """The file of this process; without gunicorn its folder is temporary."""
    if metrics.FOLDER not in os.environ:
        os.environ[metrics.FOLDER] = tempfile.mkdtemp(prefix="chatapp-metrics-")
        atexit.register(shutil.rmtree, os.environ[metrics.FOLDER], ignore_errors=True)
    folder = Path(os.environ[metrics.FOLDER])
    folder.mkdir(mode=0o700, exist_ok=True)
    return _Book(folder)


def write() -> None:
    """Write this worker's metrics for the others (a background task, about once a second)."""
    _book().write()


def watch_loop() -> None:
    """Measure the delay of the event loop (a background task)."""
    began = time.perf_counter()
    gevent.sleep(LAG_SECONDS)
    metrics.loop_lag.observe(max(0.0, time.perf_counter() - began - LAG_SECONDS))


def _collect(calls: list[None]) -> list[bytes]:
    """Collect the metrics of all workers once for all waiting requests."""
    write()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, os.environ[metrics.FOLDER])
    return [generate_latest(registry)] * len(calls)


def install(app: Flask, settings: Settings, database: Database) -> None:
    """Publish `/metrics`: on METRICS_PORT, to requests with METRICS_TOKEN, or without both to local clients only."""
    metrics.pool_size.set_function(lambda: settings.database_pool_size)
    metrics.pool_used.set_function(database.connections_in_use)
    metrics.workers.set_function(lambda: 1)
    metrics.processor_seconds.set_function(time.process_time)
    if STATEMENT.exists():
        page_size = os.sysconf("SC_PAGE_SIZE")
        metrics.memory.set_function(lambda: int(STATEMENT.read_text().split()[1]) * page_size)
    pages = Blueprint("metrics", __name__)
    # One collection at a time, however many requests there are.
    collected: Coalescer[None, bytes] = Coalescer(_collect)

    @pages.get("/metrics")
    def show() -> Response:
        """The metrics of all workers, those of the others at most a second old."""
        if settings.metrics_port and not _comes_to(settings.metrics_port, request.environ):
            raise NOTHING_HERE
        if settings.metrics_token and not hmac.compare_digest(
            (bearer_token() or "").encode(), settings.metrics_token.encode()
        ):
            raise Unauthenticated("Send the value of METRICS_TOKEN: Authorization: Bearer <token>.")
        if not (settings.metrics_port or settings.metrics_token) and not is_local(
            request.environ, settings.trusted_proxies
        ):
            raise Forbidden(
                "Without METRICS_TOKEN or METRICS_PORT, metrics are only available on the server's machine."
            )
        return Response(collected(None), content_type=CONTENT_TYPE_LATEST)

    app.register_blueprint(pages)
    if settings.metrics_port:
        app.wsgi_app = _keep_to(settings.metrics_port, app.wsgi_app)  # type: ignore[method-assign]


def _keep_to(port: int, everything: Any) -> Callable[..., Any]:
    """A WSGI application that serves only some paths of `everything` on `port`, and all of it on other ports."""

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        if _comes_to(port, environ) and environ["PATH_INFO"] not in ON_OWN_PORT:
            return respond(NOTHING_HERE.problem())(environ, start_response)
        return everything(environ, start_response)

    return serve


def _comes_to(port: int, environ: dict[str, Any]) -> bool:
    return environ.get("SERVER_PORT") == str(port)
