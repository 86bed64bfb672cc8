"""Shared counters of workers, and their state after a worker has ended."""

import pytest

from chatapp.core.settings import Rate
from chatapp.server.admission import Admission, SharedCounters

ADDRESS, OTHER = "203.0.113.1", "203.0.113.2"


class Clock:
    """The clock of the counters."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("chatapp.server.admission.time", clock)
    return clock


@pytest.fixture
def workers() -> tuple[SharedCounters, Admission, Admission]:
    counters = SharedCounters()
    one, two = (
        Admission(counters, counters.take(), max_open=2, handshakes=Rate(4, 10), trusted_proxies=0) for _ in range(2)
    )
    return counters, one, two


def test_address_limit_spans_all_workers(
    workers: tuple[SharedCounters, Admission, Admission],
) -> None:
    _, one, two = workers
    one.enter(ADDRESS)
    assert two.has_room(ADDRESS)
    two.enter(ADDRESS)
    assert not one.has_room(ADDRESS)
    assert one.has_room(OTHER)
    two.leave(ADDRESS)
    assert one.has_room(ADDRESS)


def test_counts_of_an_ended_worker_are_dropped(workers: tuple[SharedCounters, Admission, Admission]) -> None:
    counters, one, two = workers
    for _ in range(2):
        one.enter(ADDRESS)
    counters.release(0)
    assert two.has_room(ADDRESS)
    assert counters.take() == 0


def test_handshakes_are_counted_over_all_workers_and_the_window_moves(
    workers: tuple[SharedCounters, Admission, Admission], clock: Clock
) -> None:
    _, one, two = workers
    clock.now = 1005
    assert [worker.handshake(ADDRESS) for worker in (one, two, one, two)] == [0] * 4
    assert one.handshake(ADDRESS) == 5
    assert one.handshake(OTHER) == 0
    # Half of the previous window still counts.
    clock.now = 1015
    assert [one.handshake(ADDRESS) for _ in range(3)] == [0, 0, 5]
    clock.now = 1100
    assert [two.handshake(ADDRESS) for _ in range(5)] == [0, 0, 0, 0, 10]
