"""Metrics of this process: plain numbers that are cheap to update.

    metrics.backlog_drops.inc()
    metrics.socket_events.inc("message:send", "ok")          # its labels, in order
    metrics.batch_sizes.observe(len(batch))
    metrics.fanout_seconds.observe(time.perf_counter() - began)
    metrics.sockets.set_function(lambda: len(rooms))

Only the event loop's thread may update them. `rest/metrics.py` publishes the metrics of all workers at `/metrics`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

# Environment variable with the folder in which workers publish their metrics.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
Labels: TypeAlias = tuple[str, ...]
# Upper bounds of the histogram buckets, in seconds.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHORT = (0.00005, 0.0001, 0.00025, *SECONDS)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


class Sample(NamedTuple):
    """One value: `name` is the name of its metric with a suffix, followed by the values of its labels.

    `up_to` is the upper bound of a histogram bucket, which excludes the values of the buckets before it.
    """

    name: str
    labels: Labels
    value: float
    up_to: float | None = None


class Counter:
    """A counter, for each combination of its labels."""

    kind = "counter"

    def __init__(self, name: str, about: str, *labels: str) -> None:
        self.name, self.about, self.labels = name, about, labels
        self._values: dict[Labels, float] = {} if labels else {(): 0.0}
        self._read: Callable[[], float] | None = None
        ALL.append(self)

    def inc(self, *labels: str, by: float = 1) -> None:
        """Add `by`."""
        self._values[labels] = self._values.get(labels, 0.0) + by

    def set_function(self, read: Callable[[], float]) -> None:
        """Report the result of `read()`, which must never decrease."""
        self._read = read

    def samples(self) -> Iterator[Sample]:
        """The current samples."""
        if self._read:
            self._values[()] = self._read()
        for labels, value in list(self._values.items()):
            yield Sample(f"{self.name}_total", labels, value)


class Histogram:
    """A histogram, for each combination of its labels."""

    kind = "histogram"

    def __init__(self, name: str, about: str, *labels: str, bounds: tuple[float, ...] = SECONDS) -> None:
        self.name, self.about, self.labels = name, about, labels
        self._bounds = bounds
        # The count of each bucket, the count beyond the last one, and the sum of all values.
        self._rows: dict[Labels, list[float]] = {}
        self._reported: dict[Labels, list[float]] = {}
        if not labels:
            self._new_row(())
        ALL.append(self)

    def observe(self, value: float, *labels: str) -> None:
        """Count a value, such as a duration in seconds."""
        row = self._rows.get(labels) or self._new_row(labels)
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value

    def samples(self) -> Iterator[Sample]:
        """The current samples of the combinations of labels that have changed since the last call.

        A worker has a thousand buckets, and few of them change within the second between two calls.
        """
        for labels, row in list(self._rows.items()):
            if self._reported.get(labels) == row:
                continue
            self._reported[labels] = row.copy()
            for up_to, count in zip((*self._bounds, float("inf")), row, strict=False):
                yield Sample(f"{self.name}_bucket", labels, count, up_to)
            yield Sample(f"{self.name}_sum", labels, row[-1])

    def _new_row(self, labels: Labels) -> list[float]:
        return self._rows.setdefault(labels, [0.0] * (len(self._bounds) + 2))


class Gauge:
    """A gauge that is read on each collection. It is summed over all live workers or, with `over`, their minimum or
    maximum."""

    def __init__(self, name: str, about: str, *, over: Literal["sum", "min", "max"] = "sum") -> None:
        self.name, self.about, self.labels = name, about, Labels()
        self.kind = f"gauge_live{over}"
        self._read: Callable[[], float] | None = None
        ALL.append(self)

    def set_function(self, read: Callable[[], float]) -> None:
        """Report the result of `read()`; a gauge without a function is not published."""
        self._read = read

    def samples(self) -> Iterator[Sample]:
        """The current sample."""
        if self._read:
            yield Sample(self.name, (), self._read())


Metric: TypeAlias = Counter | Histogram | Gauge
ALL: list[Metric] = []

# REST. A route is its rule (`/api/v1/chats/<uuid:chatId>`), so that the number of label values is bounded.
http_requests = Counter("chat_http_requests", "Requests processed.", "method", "route", "status")
http_seconds = Histogram("chat_http_request_seconds", "Seconds from a request to its response.", "method", "route")

# Sockets. An event's outcome is `ok` or the code of its problem.
sockets = Gauge("chat_sockets", "Connected sockets.")
socket_connects = Counter("chat_socket_connects", "Sockets that connected, or were refused, by error code.", "outcome")
socket_events = Counter("chat_socket_events", "Client events.", "event", "outcome")
socket_event_seconds = Histogram(
    "chat_socket_event_seconds", "Seconds from the start of an event's processing to its ack.", "event", bounds=SHORT
)
backlog_drops = Counter("chat_backlog_drops", "Clients disconnected because they did not read.")

# Messages.
send_seconds = Histogram("chat_send_commit_seconds", "Seconds from receiving a message to its commit.")
batch_sizes = Histogram("chat_send_batch_size", "Messages per commit.", bounds=SIZES)
fanout_seconds = Histogram(
    "chat_fanout_seconds", "Seconds to send an event to all subscribed sockets of the worker.", bounds=SHORT
)
deliveries = Counter("chat_deliveries", "Events sent to sockets.")

# Database and Redis.
pool_size = Gauge("chat_database_pool_size", "Maximum database connections of the workers.")
pool_used = Gauge("chat_database_pool_used", "Used database connections of the workers.")
queue_connected = Gauge(
    "chat_queue_connected", "1 while all workers receive the events of the others, otherwise 0.", over="min"
)
queue_chats = Gauge("chat_queue_chats", "Chats whose events the workers receive from Redis.")
queue_events = Counter("chat_queue_events", "Events of other workers that were received.")
queue_bytes = Counter("chat_queue_bytes", "Bytes of events that were received from Redis.")

# Outbox. Every worker reads the same table.
outbox_rows = Gauge("chat_outbox_rows", "Events that wait for a subscriber, at most 100,000 each.", over="max")
outbox_age = Gauge("chat_outbox_age_seconds", "Age of the oldest event that waits for a subscriber.", over="max")
outbox_failures = Counter("chat_outbox_failures", "Attempts of a subscriber that failed.", "subscriber")

# Search.
search_lag = Gauge("chat_search_lag_seconds", "Age of the oldest change that a worker has not indexed.", over="max")
search_backlog = Gauge(
    "chat_search_backlog_changes", "Changes that the workers did not index, found by the job.", over="max"
)
search_recovered = Counter("chat_search_recovered_changes", "Changes that the job indexed.")
search_indexed = Counter("chat_search_indexed_messages", "Messages whose words were indexed.")
search_seconds = Histogram("chat_search_seconds", "Seconds to find a page of messages.", bounds=SHORT)
search_partial = Counter("chat_search_partial_pages", "Pages of messages that were cut off after the time limit.")

job_failures = Counter("chat_job_failures", "Attempts of a job that failed.", "type")

# Processes.
workers = Gauge("chat_workers", "Running workers.")
memory = Gauge("chat_memory_bytes", "Memory of the workers in bytes.")
processor_seconds = Counter("chat_processor_seconds", "CPU time of the workers in seconds.")
loop_lag = Histogram("chat_loop_lag_seconds", "Delay of the event loop in seconds.")
