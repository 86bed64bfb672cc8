"""What it costs to be there: connecting, and sockets on which nothing happens; and logging in while others talk."""

import os
import resource
import subprocess
import sys
import time

from bench.measure import Result, centiles, measured
from bench.requests import WARM_SECONDS, drive, login
from bench.site import PORT, Site
from bench.sockets import Client, Crowd, Packet
from bench.talking import two_people

SETTLE_SECONDS = 3.0
# Are there already: what the first ones have a new server make and touch is not of those who follow.
BEFORE = 100


def connects(site: Site, count: int) -> Result:
    """So many people connect, 50 at a time, and stay; bytes of the server's own memory for each of them."""
    result = Result(f"connecting, {count:,} sockets", "sockets")
    allow_files(BEFORE + count + 200)
    site.start(1)
    tokens = [person.token for person in site.users(BEFORE + count)]
    site.tidy()
    crowd = Crowd(PORT)
    crowd.connect(tokens[:BEFORE], ignore)
    before = site.memory()
    with measured(site, result) as clock:
        crowd.connect(tokens[BEFORE:], ignore)
        clock.done = count
    crowd.run(SETTLE_SECONDS)
    result.more["KiB each"] = (site.memory() - before) / count / 1024
    with measured(site, idle := Result("", "")) as clock:
        crowd.run(SETTLE_SECONDS)
        clock.done = 1
    result.more["idle core %"] = idle.cpu_us / 1e6 / SETTLE_SECONDS * 100
    crowd.close()
    return result


def logins(site: Site, rate: int = 50, seconds: float = 6.0) -> Result:
    """Logins as fast as they go, and what `rate` messages a second between two people take meanwhile."""
    result = Result(f"logins while {rate} msg/s flow", "logins")
    talk, sender, person = two_people(site)
    crowd = talk.crowd
    command = [sys.executable, "-m", "bench.connecting", person.name, str(seconds)]
    others = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert others.stdout
    others.stdout.readline()  # It has started, which took the processor from everything else.
    crowd.run(WARM_SECONDS)
    with measured(site, result) as clock:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            talk.send(sender)
            crowd.run(1 / rate)
        output, _ = others.communicate()
        clock.done = int(output)
    result.p50, result.p99 = centiles(talk.latencies)
    crowd.close()
    return result


def ignore(_client: Client, _packet: Packet) -> None:
    """Ignore packets."""


def allow_files(count: int) -> None:
    """Let this process, and the server that it starts, have so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard) if hard > 0 else count, hard))


class _Alone(Site):
    """Replaces a site whose responses are all that matters."""

    def __init__(self) -> None:
        pass

    def cpu_seconds(self) -> float:
        """Nothing is measured here."""
        return 0.0

    database_cpu_seconds = cpu_seconds


def _main() -> None:
    """Log in on and on, in a process of its own: how often that worked."""
    ask = login(sys.argv[1])
    seconds = float(sys.argv[2])
    print("started", flush=True)
    result = drive(_Alone(), Result("", ""), lambda: ask, expect=b"HTTP/1.1 200", connections=4, seconds=seconds)
    print(round(result.rate * seconds))


if __name__ == "__main__":
    os.nice(5)
    _main()
