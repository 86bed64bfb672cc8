"""What is measured of a scenario: how much was done, how long it took, what it cost the server."""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.site import Site


@dataclass
class Result:
    """One line of the report. `rate` is in `unit` a second; `cpu_us` is the server's processor time for one of them in
    microseconds, `database_us` that of PostgreSQL, `generator` the share of a core that the load generator used; latencies are in milliseconds."""

    name: str
    unit: str
    rate: float = 0.0
    cpu_us: float = 0.0
    database_us: float = 0.0
    p50: float | None = None
    p99: float | None = None
    generator: float = 0.0
    more: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The result for the JSON report."""
        return asdict(self)


class Clock:
    """What happened since a measurement began; its `done` units were counted by the scenario."""

    def __init__(self) -> None:
        self.done = 0
        self.latencies: list[float] = []

    def note(self, seconds: float) -> None:
        """One more unit is done, which took this long."""
        self.done += 1
        self.latencies.append(seconds)


@contextmanager
def measured(site: Site, result: Result) -> Iterator[Clock]:
    """Fill in `result` from what is done in the block."""
    clock = Clock()
    database, cpu, own, began = site.database_cpu_seconds(), site.cpu_seconds(), _own_seconds(), time.perf_counter()
    yield clock
    seconds = time.perf_counter() - began
    result.rate = clock.done / seconds
    result.database_us = (site.database_cpu_seconds() - database) / max(1, clock.done) * 1e6
    result.cpu_us = (site.cpu_seconds() - cpu) / max(1, clock.done) * 1e6
    result.generator = (_own_seconds() - own) / seconds
    if clock.latencies:
        result.p50, result.p99 = centiles(clock.latencies)


def centiles(seconds: list[float]) -> tuple[float, float]:
    """The 50th and the 99th centile in milliseconds."""
    hundredths = statistics.quantiles(seconds, n=100)
    return hundredths[49] * 1000, hundredths[98] * 1000


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system
