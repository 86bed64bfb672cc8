"""What the server counts about itself: plain numbers of this process, which cost next to nothing to move.

    metrics.backlog_drops.inc()
    metrics.socket_events.inc("message:send", "ok")          # its labels, in order
    metrics.batch_sizes.observe(len(batch))
    metrics.fanout_seconds.observe(time.perf_counter() - began)
    metrics.sockets.set_function(lambda: len(rooms))

Only the event loop's thread may count. `rest/metrics.py` publishes the numbers of all workers at `/metrics`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

# The environment variable that names the folder in which workers publish their numbers.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
Labels: TypeAlias = tuple[str, ...]
# The latest that a wait may end and still be told apart from all longer ones, in seconds.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHORT = (0.00005, 0.0001, 0.00025, *SECONDS)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


class Sample(NamedTuple):
    """One number: what `name` (that of its metric and a suffix) stands for, for these values of the labels.

    `up_to` is the bound of a histogram's bucket, which holds what is above the bucket before it.
    """

    name: str
    labels: Labels
    value: float
    up_to: float | None = None


class Counter:
    """A number that only grows, for each combination of its labels."""

    kind = "counter"

    def __init__(self, name: str, about: str, *labels: str) -> None:
        self.name, self.about, self.labels = name, about, labels
        self._values: dict[Labels, float] = {} if labels else {(): 0.0}
        self._read: Callable[[], float] | None = None
        ALL.append(self)

    def inc(self, *labels: str, by: float = 1) -> None:
        """Count `by` more."""
        self._values[labels] = self._values.get(labels, 0.0) + by

    def set_function(self, read: Callable[[], float]) -> None:
        """Be what `read()` gives, which never shrinks."""
        self._read = read

    def samples(self) -> Iterator[Sample]:
        """Its numbers so far."""
        if self._read:
            self._values[()] = self._read()
        for labels, value in list(self._values.items()):
            yield Sample(f"{self.name}_total", labels, value)


class Histogram:
    """How often a measured value fell between which bounds, for each combination of its labels."""

    kind = "histogram"

    def __init__(self, name: str, about: str, *labels: str, bounds: tuple[float, ...] = SECONDS) -> None:
        self.name, self.about, self.labels = name, about, labels
        self._bounds = bounds
        # The count of each bucket, of what is beyond the last one, and the sum of all values.
        self._rows: dict[Labels, list[float]] = {}
        if not labels:
            self._new_row(())
        ALL.append(self)

    def observe(self, value: float, *labels: str) -> None:
        """Count a value: seconds, or how many of something."""
        row = self._rows.get(labels) or self._new_row(labels)
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value

    def samples(self) -> Iterator[Sample]:
        """Its numbers so far."""
        for labels, row in list(self._rows.items()):
            for up_to, count in zip((*self._bounds, float("inf")), row, strict=False):
                yield Sample(f"{self.name}_bucket", labels, count, up_to)
            yield Sample(f"{self.name}_sum", labels, row[-1])

    def _new_row(self, labels: Labels) -> list[float]:
        return self._rows.setdefault(labels, [0.0] * (len(self._bounds) + 2))


class Gauge:
    """A number that is asked for when it is wanted. It is the sum over all workers that live; or, with
    `least=True`, the lowest of any of them."""

    def __init__(self, name: str, about: str, *, least: bool = False) -> None:
        self.name, self.about, self.labels = name, about, Labels()
        self.kind = "gauge_livemin" if least else "gauge_livesum"
        self._read: Callable[[], float] | None = None
        ALL.append(self)

    def set_function(self, read: Callable[[], float]) -> None:
        """Be what `read()` gives; without that, it is not published at all."""
        self._read = read

    def samples(self) -> Iterator[Sample]:
        """Its number at present."""
        if self._read:
            yield Sample(self.name, (), self._read())


Metric: TypeAlias = Counter | Histogram | Gauge
ALL: list[Metric] = []

# REST. A route is its rule (`/api/v1/chats/<uuid:chatId>`), so that there are only so many.
http_requests = Counter("chat_http_requests", "Answered requests.", "method", "route", "status")
http_seconds = Histogram("chat_http_request_seconds", "From a request's arrival to its answer.", "method", "route")

# Sockets. An event's outcome is `ok` or the code of its problem.
sockets = Gauge("chat_sockets", "Live sockets.")
socket_connects = Counter("chat_socket_connects", "Sockets that opened, or were refused.", "outcome")
socket_events = Counter("chat_socket_events", "Events of clients.", "event", "outcome")
socket_event_seconds = Histogram("chat_socket_event_seconds", "From an event's turn to its ack.", "event", bounds=SHORT)
backlog_drops = Counter("chat_backlog_drops", "Clients that were cut, since they did not read.")

# Messages.
send_seconds = Histogram("chat_send_commit_seconds", "From sending a message to its commit.")
batch_sizes = Histogram("chat_send_batch_size", "Messages that one commit stored.", bounds=SIZES)
fanout_seconds = Histogram(
    "chat_fanout_seconds", "From an event that is to be told to its last live socket here.", bounds=SHORT
)
deliveries = Counter("chat_deliveries", "Events handed to sockets.")

# What the server stands on.
pool_size = Gauge("chat_database_pool_size", "Connections that the workers may open.")
pool_used = Gauge("chat_database_pool_used", "Connections that are in use.")
queue_connected = Gauge("chat_queue_connected", "1 while every worker hears the others, otherwise 0.", least=True)

# The processes.
workers = Gauge("chat_workers", "Workers that serve.")
memory = Gauge("chat_memory_bytes", "Memory that the workers hold.")
processor_seconds = Counter("chat_processor_seconds", "Processor time that the workers have used.")
loop_lag = Histogram("chat_loop_lag_seconds", "How much later than asked for the event loop came back to a task.")
