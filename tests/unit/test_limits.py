"""Local counters and those in Redis agree, and keep no expired windows."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatapp.core import limits
from chatapp.core.errors import RateLimited
from chatapp.core.limits import Limit, LocalCounters, SharedCounters
from chatapp.core.settings import Rate
from chatapp.launcher.valkey import EmbeddedValkey


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedCounters]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield SharedCounters(valkey.url)


def test_redis_and_local_counters_agree(shared: SharedCounters) -> None:
    local, dice = LocalCounters(), random.Random(1)
    for call in range(400):
        names = dice.sample("abcdef", dice.randrange(1, 4))
        # Limits of one window differ, as after a change of the configuration.
        wanted = [Limit(Rate(dice.choice([3, 5, 20]), 600), "parity", name) for name in names]
        here, there = local.count(wanted), shared.count(wanted)
        assert bool(here.at) == bool(there.at), call
        assert [remaining for remaining, _ in here.states] == [remaining for remaining, _ in there.states], call
        for (_, milliseconds), (_, other) in zip(here.states, there.states, strict=True):
            assert abs(milliseconds - other) < 10_000, call
        if here.at and not dice.randrange(4):
            local.remove(wanted, here.at)
            shared.remove(wanted, there.at)


def test_refused_call_is_not_counted(shared: SharedCounters) -> None:
    for counters in (LocalCounters(), shared):
        narrow, wide = (Limit(Rate(count, 60), "refused", f"{count}") for count in (1, 10))
        assert counters.count([narrow, wide]).at
        assert not counters.count([narrow, wide]).at
        assert counters.count([wide]).states[0][0] == 8


def test_a_window_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    counters, limit, now = LocalCounters(), Limit(Rate(2, 10), "moving", "x"), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for now, counted in ((1000, True), (1004, True), (1009.9, False), (1010, True), (1013.9, False), (1014, True)):
        assert bool(counters.count([limit]).at) is counted, now
    now = 1015
    assert counters.count([limit]).states == [(0, 5000)]


def test_expired_windows_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    counters, now = LocalCounters(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for minute in range(20):
        now = 1000.0 + 60 * minute
        for user in range(500):
            counters.count([Limit(Rate(5, 30), "forgotten", f"{minute} {user}")])
    assert len(counters._calls) <= 2 * limits.MIN_SWEEP


def test_exceeded_limit_returns_retry_after() -> None:
    limits.bind(None, enabled=True)
    limit = Limit(Rate(1, 600), "used up", "x")
    hit = limits.hit(limit)
    assert hit
    assert (hit.count, hit.remaining, hit.reset) == (1, 0, 600)
    with pytest.raises(RateLimited) as refused:
        limits.hit(limit)
    assert (refused.value.retry_after, refused.value.limit) == (600, 1)
    limits.undo(hit)
    assert limits.hit(limit)


def test_nothing_is_counted_while_limits_are_off(tmp_path: Path) -> None:
    limits.bind(None, enabled=False)
    for _ in range(3):
        assert limits.hit(Limit(Rate(1, 60), "off", "x")) is None
