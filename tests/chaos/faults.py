"""Injects faults: each one once per round, in an order and at times that depend on the seed.

An outage takes longer than the server's time-outs and leaves clients connected. At the end each outage is injected once
more without other faults, so that clients that never call `sync` stay connected.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.chaos.site import Site

# Returns what was hit, for the report.
Fault = Callable[[Site, random.Random], object]


def cut_clients(site: Site, rng: random.Random) -> object:
    return site.clients.cut(rng.uniform(0.1, 0.6), rng)


def cut_all_clients(site: Site, rng: random.Random) -> object:
    return site.clients.cut(1, rng)


def delay_clients(site: Site, rng: random.Random) -> object:
    delay = rng.uniform(0.02, 0.6)
    site.clients.delay(delay, rng.uniform(1, 4))
    return f"{delay:.2f} s"


def stall_clients(site: Site, rng: random.Random) -> object:
    return site.clients.stall(rng.uniform(0.1, 0.4), rng, rng.uniform(1, 5))


def lose_clients(site: Site, rng: random.Random) -> object:
    return site.clients.lose(rng.uniform(0.1, 0.4), rng)


def cut_database(site: Site, rng: random.Random) -> object:
    return site.database.cut(rng.uniform(0.2, 1), rng)


def stall_database(site: Site, rng: random.Random) -> object:
    return site.database.stall(rng.uniform(0.2, 1), rng, rng.uniform(0.5, 4))


def cut_queue(site: Site, rng: random.Random) -> object:
    return site.queue.cut(rng.uniform(0.2, 1), rng)


def stall_queue(site: Site, rng: random.Random) -> object:
    return site.queue.stall(rng.uniform(0.3, 1), rng, rng.uniform(1, 7))


def lose_queue(site: Site, rng: random.Random) -> object:
    return site.queue.lose(rng.uniform(0.2, 1), rng)


def kill_a_worker(site: Site, rng: random.Random) -> object:
    workers = sorted(site.workers)
    site.kill_worker(rng.choice(workers))
    return f"1 of {len(workers)}"


def kill_all_workers(site: Site, rng: random.Random) -> object:
    workers = site.workers
    for pid in workers:
        site.kill_worker(pid)
    return len(workers)


def hang_a_worker(site: Site, rng: random.Random) -> object:
    seconds = rng.uniform(1, 7)
    site.hang(rng.choice(sorted(site.workers)), seconds)
    return f"{seconds:.1f} s"


def kill_the_server(site: Site, rng: random.Random) -> object:
    site.kill_server(rng.uniform(0, 2))
    return "all of it"


def restart_the_server(site: Site, rng: random.Random) -> object:
    site.restart_server()
    return "all of it"


def kill_redis(site: Site, rng: random.Random) -> object:
    down = rng.uniform(0, 3)
    site.kill_valkey(down)
    return f"away for {down:.1f} s"


def kill_postgresql(site: Site, rng: random.Random) -> object:
    down = rng.uniform(0, 3)
    site.kill_postgres(down)
    return f"away for {down:.1f} s"


def suspend_redis(site: Site, rng: random.Random) -> object:
    return _outage(site, site.suspend_valkey, rng)


def cut_off_redis(site: Site, rng: random.Random) -> object:
    return _outage(site, site.cut_off_valkey, rng)


def kill_redis_for_long(site: Site, rng: random.Random) -> object:
    return _outage(site, site.kill_valkey, rng)


def suspend_a_worker(site: Site, rng: random.Random) -> object:
    pid = rng.choice(sorted(site.workers))
    return _outage(site, lambda seconds: site.hang(pid, seconds), rng)


def _outage(site: Site, fault: Callable[[float], None], rng: random.Random) -> str:
    seconds = rng.uniform(*site.outage)
    fault(seconds)
    return f"{seconds:.1f} s"


FAULTS: tuple[Fault, ...] = (
    cut_clients,
    cut_all_clients,
    delay_clients,
    stall_clients,
    lose_clients,
    cut_database,
    stall_database,
    cut_queue,
    stall_queue,
    lose_queue,
    kill_a_worker,
    kill_all_workers,
    hang_a_worker,
    kill_the_server,
    restart_the_server,
    kill_redis,
    kill_postgresql,
)

OUTAGES: tuple[Fault, ...] = (suspend_redis, cut_off_redis, kill_redis_for_long, suspend_a_worker)


class FaultInjector:
    """Injects faults; `counts` has the number of each."""

    def __init__(self, site: Site, seed: int, *, pause: float, say: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._site = site
        self._rng = random.Random(f"faults {seed}")
        self._pause = pause
        self._say = say

    def inject_for(self, seconds: float) -> None:
        """Inject faults for that long, each at least once.

        Call it in the thread that made the site: PostgreSQL and Valkey end with the thread that starts them.
        """
        deadline = time.monotonic() + seconds
        faults = FAULTS
        while not self.counts or time.monotonic() < deadline:
            for fault in self._rng.sample(faults, len(faults)):
                time.sleep(self._rng.uniform(0.2, 2 * self._pause))
                if time.monotonic() > deadline and len(self.counts) >= len(FAULTS):
                    return
                self._inject(fault)
            faults = FAULTS + OUTAGES

    def outages(self) -> Iterator[str]:
        """Inject each outage once; yields its name when it is over."""
        for fault in self._rng.sample(OUTAGES, len(OUTAGES)):
            yield self._inject(fault)

    def _inject(self, fault: Fault) -> str:
        hit = fault(self._site, self._rng)
        name = fault.__name__.replace("_", " ")
        self.counts[name] += 1
        self._say(f"{name}: {hit}")
        return name
