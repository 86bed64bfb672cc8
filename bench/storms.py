"""The latency of messages during handshakes, 64 at a time, and while thousands of sockets reconnect at once, as after a
failure of the network."""

import os
import subprocess
import sys
import time

from bench.connecting import allow_files, ignore
from bench.measure import Result, centiles, measured
from bench.requests import WARM_SECONDS
from bench.site import PORT, Site
from bench.sockets import Crowd
from bench.talking import two_people

RATE = 50
HANDSHAKES_AT_ONCE = 64
RETURNING = 5000


def handshakes(site: Site, seconds: float = 6.0) -> Result:
    """Sockets that connect, 64 at a time, beside 50 messages per second; latencies are those of the messages."""
    result = Result(f"connecting, {HANDSHAKES_AT_ONCE} at a time, beside {RATE} msg/s", "sockets")
    return _beside(site, result, 1 << 14, f"{HANDSHAKES_AT_ONCE} {seconds}")


def storm(site: Site) -> Result:
    """5,000 sockets end at once and connect again, beside 50 messages per second; latencies are those of the messages."""
    result = Result(f"{RETURNING:,} sockets return, beside {RATE} msg/s", "sockets")
    return _beside(site, result, RETURNING, f"{RETURNING} 0")


def _beside(site: Site, result: Result, users: int, how: str) -> Result:
    """Run `how` in a process of its own while two users talk."""
    allow_files(users + 500)
    site.start(1)
    tokens = [user.token for user in site.users(users)]
    site.tidy()
    others = subprocess.Popen(
        [sys.executable, "-m", "bench.storms", *how.split()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert others.stdin
    assert others.stdout
    others.stdin.write("\n".join(tokens) + "\n\n")
    others.stdin.flush()
    others.stdout.readline()  # It is ready.
    talk, sender, _ = two_people(site)
    crowd = talk.crowd
    crowd.run(WARM_SECONDS)
    talk.latencies, output = [], ""
    with measured(site, result) as clock:
        others.stdin.write("\n")
        others.stdin.flush()
        while others.poll() is None:
            talk.send(sender)
            crowd.run(1 / RATE)
        output = others.stdout.read()
        count, seconds = output.split()
        clock.done = int(count)
    result.rate = int(count) / float(seconds)
    # Messages that were sent last may still be on their way, and are the latest ones.
    crowd.run(2.0)
    result.p50, result.p99 = centiles(talk.latencies)
    result.more["longest ms"] = max(talk.latencies) * 1000
    result.more["all back s" if count == str(RETURNING) else "seconds"] = float(seconds)
    crowd.close()
    return result


def _main() -> None:
    """Read tokens, report readiness, wait for a line, connect: prints how many sockets connected in how many seconds."""
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    tokens = list(iter(lambda: sys.stdin.readline().strip(), ""))
    crowd = Crowd(PORT)
    if not seconds:
        crowd.connect(tokens, ignore)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    if seconds:
        connected = 0
        for start in range(0, len(tokens), count):
            if time.monotonic() > began + seconds:
                break
            connected += len(crowd.connect(tokens[start : start + count], ignore, at_once=count))
    else:
        crowd.close()
        crowd = Crowd(PORT)
        connected = len(crowd.connect(tokens, ignore, at_once=count))
    print(connected, time.monotonic() - began, flush=True)


if __name__ == "__main__":
    os.nice(5)
    _main()
