"""Rate limits in memory and in Redis agree, are shared by workers, and free expired keys."""

import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
import redis
import structlog
from gevent.event import AsyncResult

from chatapp.compat.redis import SLOTS, slot_of
from chatapp.core import limit_windows, limits
from chatapp.core.errors import RateLimited
from chatapp.core.limit_windows import Windows
from chatapp.core.limits import Limit
from chatapp.core.redis_limits import KEY_PREFIX, RedisLimits
from chatapp.core.settings import Rate
from chatapp.launcher.valkey import EmbeddedValkey
from tests.redis_cluster import RedisCluster
from tests.server import ROOT, free_port

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture
def workers(valkey: EmbeddedValkey) -> list[RedisLimits]:
    return [RedisLimits(valkey.url) for _ in range(3)]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def test_exact_limits_agree_in_redis_and_in_memory(workers: list[RedisLimits]) -> None:
    shared, local, dice = workers[0], Windows(), random.Random(1)
    for call in range(400):
        names = dice.sample("abcdef", dice.randrange(1, 4))
        # Limits of one window differ, as after a change of the configuration.
        wanted = [Limit(Rate(dice.choice([3, 5, 20]), 600), "parity", name, exact=True) for name in names]
        here, there = local.count(wanted), shared.count(wanted)
        assert bool(here.at) == bool(there.at), call
        assert [remaining for remaining, _ in here.states] == [remaining for remaining, _ in there.states], call
        for (_, milliseconds), (_, other) in zip(here.states, there.states, strict=True):
            # In memory, the calls of a fiftieth of the window, 12 s, leave it together.
            assert abs(milliseconds - other) < 20_000, call
        if here.at and not dice.randrange(4):
            local.remove(wanted, here.at)
            shared.remove(wanted, there.at)


@pytest.mark.parametrize("exact", [True, False])
def test_refused_call_is_not_counted(workers: list[RedisLimits], exact: bool) -> None:
    for counters in (Windows(), workers[0]):
        narrow, wide = (Limit(Rate(count, 60), f"refused {exact}", f"{count}", exact) for count in (1, 10))
        assert counters.count([narrow, wide]).at
        assert not counters.count([narrow, wide]).at
        assert counters.count([wide]).states[0][0] == 8


def test_a_window_moves(clock: Clock) -> None:
    windows, rate = Windows(), Rate(2, 10)
    for clock.now, counted in ((1000, True), (1004, True), (1009.9, False), (1010, True), (1013.9, False)):
        assert (windows.hit("moving", rate) == 0) is counted, clock.now
    assert windows.hit("moving", rate) == 100
    clock.now = 1014
    assert windows.hit("moving", rate) == 0
    clock.now = 1015
    assert windows.hit("moving", rate) == 5000


def test_calls_within_a_fiftieth_of_the_window_leave_it_together(clock: Clock) -> None:
    windows, rate = Windows(), Rate(3, 10)
    for clock.now in (1000, 1000.19, 1000.2):
        assert windows.hit("slots", rate) == 0
    clock.now = 1010.18
    assert windows.hit("slots", rate) == 10
    clock.now = 1010.19
    assert [windows.hit("slots", rate) == 0 for _ in range(3)] == [True, True, False]


def test_calls_of_one_slot_are_one_number(clock: Clock) -> None:
    windows = Windows()
    for call in range(100_000):
        clock.now = 1000 + call / 10_000
        assert windows.hit("busy", Rate(1_000_000, 10)) == 0
    ((window,),) = ([*each.values()] for each in windows._windows.values())
    assert window.used == 100_000
    assert len(window.ends) <= limit_windows.SLOTS + 1


def test_users_who_are_gone_are_forgotten(clock: Clock) -> None:
    windows = Windows()
    for user in range(20_000):
        clock.now = 1000 + user / 1000
        windows.hit(f"user {user}", Rate(60, 10))
        windows.hit("always", Rate(1_000_000, 10))
        assert windows.size() <= 10_001
    clock.now += 11
    for _ in range(20):
        windows.forget()
    assert windows.size() == 0


def test_forgetting_is_bounded_in_time(clock: Clock) -> None:
    windows = Windows()
    for user in range(5000):
        windows.hit(f"user {user}", Rate(60, 10))
    clock.now += 11
    windows.forget()
    assert windows.size() == 5000 - limit_windows.MAX_FORGOTTEN


def test_workers_share_their_counts(workers: list[RedisLimits]) -> None:
    one, two, three = workers
    rate = Rate(10, 600)
    assert [one.hit("shared", rate) for _ in range(4)] == [0] * 4
    assert [two.hit("shared", rate) for _ in range(3)] == [0] * 3
    for worker in (one, two):
        worker.share()
    # The second worker exchanged last, and knows of all calls: 3 are left.
    assert [two.hit("shared", rate) == 0 for _ in range(4)] == [True] * 3 + [False]
    # A worker that has not seen the user learns of the calls with the first exchange.
    assert three.hit("shared", rate) == 0
    two.share()
    three.share()
    assert 580_000 < three.hit("shared", rate) <= 600_000
    assert one.hit("shared", rate) == 0
    one.share()
    assert one.hit("shared", rate) > 0


def test_calls_during_an_exchange_are_kept(workers: list[RedisLimits]) -> None:
    one, two = workers[:2]
    rate = Rate(10, 600)
    for worker in (one, two):
        worker.hit("meanwhile", rate)
    one.share()
    run = two._share_script

    def run_slowly(**values: Any) -> Any:
        reply = run(**values)
        two.hit("meanwhile", rate)
        return reply

    two._share_script = run_slowly
    two.share()
    two._share_script = run
    assert [two.hit("meanwhile", rate) == 0 for _ in range(8)] == [True] * 7 + [False]
    two.share()
    assert one.hit("meanwhile", rate) == 0
    one.share()
    assert one.hit("meanwhile", rate) > 0


def test_shared_windows_end_in_redis(workers: list[RedisLimits]) -> None:
    one = workers[0]
    one.hit("short", Rate(10, 1))
    one.share()
    key = f"{KEY_PREFIX}shared:short"
    assert one._redis.hlen(key) == 1
    assert 0 < one._redis.pttl(key) <= 1100


def test_an_exchange_that_fails_does_not_stop_later_ones(workers: list[RedisLimits], valkey: EmbeddedValkey) -> None:
    one, two = workers[:2]
    rate = Rate(10, 600)
    one.hit("again", rate)
    one._available = False
    one.share()
    one._available = True
    assert [one.hit("again", rate) for _ in range(2)] == [0, 0]
    one.share()
    two.hit("again", rate)
    two.share()
    # The call during the outage is known to the first worker only.
    assert [two.hit("again", rate) == 0 for _ in range(8)] == [True] * 7 + [False]


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


def test_exceeded_limit_of_a_user() -> None:
    limits.bind(None, enabled=True)
    limits.hit_user("once", "alice", Rate(1, 60))
    limits.hit_user("once", "bob", Rate(1, 60))
    with pytest.raises(RateLimited) as refused:
        limits.hit_user("once", "alice", Rate(1, 60))
    assert refused.value.retry_after == 60


def test_nothing_is_counted_while_limits_are_off(tmp_path: Path) -> None:
    limits.bind(None, enabled=False)
    for _ in range(3):
        assert limits.hit(Limit(Rate(1, 60), "off", "x")) is None
        limits.hit_user("off", "x", Rate(1, 60))


def test_a_response_that_arrived_while_other_code_ran_counts(workers: list[RedisLimits]) -> None:
    one, limit = workers[0], Limit(Rate(10, 600), "busy worker", "x", exact=True)
    result = AsyncResult()
    gevent.spawn(result.set, "the response")
    deadline = time.monotonic() + 1.1
    while time.monotonic() < deadline:
        pass  # Blocks the event loop, as hashing a password or a busy machine does.
    assert one._wait(result) == "the response"
    assert one.count([limit]).at


def test_a_missing_permission_to_share_leaves_limits_exact(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url) as admin:
        admin.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">secret", "+@all", "-hincrby", "~*", "&*")
    one, two = (RedisLimits(re.sub("//[^@]*@", "//limited:secret@", valkey.url)) for _ in range(2))
    limit = Limit(Rate(3, 600), "with few rights", "x", exact=True)
    for worker in (one, two):
        worker.hit("few rights", Rate(10, 600))
        worker.share()
    assert [bool(worker.count([limit]).at) for worker in (one, two, one, two)] == [True, True, True, False]
    with pytest.raises(redis.ResponseError):
        one.probe()


def test_limits_work_on_a_cluster_with_the_documented_permissions(tmp_path: Path) -> None:
    found = re.search(r"ACL SETUSER chat on >… (.*?)\n```\n\nOn a Cluster, add `(.*?)`", OPERATIONS, re.DOTALL)
    assert found
    rights = f"{found[1]} {found[2]}".replace("\\\n", " ").split()
    with RedisCluster(tmp_path) as cluster:
        for node in cluster.nodes:
            cluster.client(node).execute_command("ACL", "SETUSER", "chat", "reset", "on", ">secret", *rights)
        # The node that does not have the keys, as often as not.
        one, two = (RedisLimits(re.sub("//[^@]*@", "//chat:secret@", node.url)) for node in cluster.nodes[:2])
        limits = [Limit(Rate(3, 600), "cluster", name, exact=True) for name in ("here", "there")]
        assert [bool(each.count(limits).at) for each in (one, two, one, two)] == [True, True, True, False]
        one.remove(limits, 1)
        for each in (one, two):
            each.probe()
            each.hit("shared", Rate(10, 60))
        for each in (one, two, one):
            each.share()
        slot = slot_of(b"limits")
        cluster.move(slot)
        assert not one.count(limits).at
        assert one._available
        assert two._available


def until(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        gevent.sleep(0.1)


def test_limits_are_local_while_a_whole_cluster_is_down(tmp_path: Path) -> None:
    with RedisCluster(tmp_path) as cluster:
        one, two = RedisLimits(cluster.url), RedisLimits(cluster.nodes[1].url)
        limit = Limit(Rate(3, 600), "outage", "x", exact=True)
        keys = cluster.owner(slot_of(b"limits"))
        others = [node for node in cluster.nodes if node is not keys]
        # The node with the keys fails before the others or after them, or all of them fail between two calls.
        for first, last in (([keys], others), (others, [keys]), (cluster.nodes, [])):
            assert bool(one.count([limit]).at) == bool(two.count([limit]).at)
            for nodes in (first, last):
                for node in nodes:
                    node.kill()
                for worker in (one, two):
                    worker.hit("shared", Rate(10, 60))
                    worker.share()
                    assert worker.count([limit]).states
                    worker._remove([limit], 1)
                gevent.sleep(1)
            assert not one._available
            assert not two._available
            for node in cluster.nodes:
                node.start()
            until(lambda: one._available and two._available, 20)
            assert [bool(each.count([limit]).at) for each in (one, two, one, two)] == [True, True, True, False]
        # All nodes have new addresses: only the one of the URL is known.
        one._redis.nodes_manager.startup_nodes = {}
        one._redis.nodes_manager.slots_cache = {}
        one.count([limit])
        assert not one._available
        until(lambda: one._available, 20)


def test_limits_are_local_until_a_cluster_has_slots(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path, "cluster-enabled yes", f"cluster-port {free_port()}") as node:
        limits_of_worker = RedisLimits(node.url)
        limit = Limit(Rate(3, 600), "no slots", "x", exact=True)
        for _ in range(2):
            assert limits_of_worker.count([limit]).at
        assert not limits_of_worker._available
        with pytest.raises(redis.ConnectionError, match="no node with slots"):
            limits_of_worker.probe()
        with RedisCluster.client(node) as admin:
            admin.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
            until(lambda: limits_of_worker._available, 20)
            # The same client, when the node has lost its slots.
            admin.execute_command("FLUSHALL")
            admin.execute_command("CLUSTER RESET", "HARD")
            for _ in range(3):
                limits_of_worker.count([limit])
            assert not limits_of_worker._available
            admin.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
            until(lambda: limits_of_worker._available, 20)
        assert limits_of_worker.count([limit]).at


def test_an_unknown_failure_does_not_end_the_return_to_redis(
    workers: list[RedisLimits], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = workers[0]
    failures = [ValueError("one"), ValueError("two")]
    run = one.run_script

    def fail(calls: Any) -> Any:
        if failures:
            raise failures.pop()
        return run(calls)

    monkeypatch.setattr(one, "run_script", fail)
    with structlog.testing.capture_logs() as logged:
        one._fall_back(redis.ConnectionError("gone"))
        until(lambda: one._available, 10)
    names = [entry["event"] for entry in logged]
    assert names == ["rate_limits_local", "rate_limits_recovery_failed", "rate_limits_shared"]
