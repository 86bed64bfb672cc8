"""What the machine does by itself, without this server: by how much figures of two machines, or two days, differ.

The cost of a bare send bounds that of a delivery from below; a commit that of a message's way.
"""

import os
import select
import socket
import subprocess
import sys
import tempfile
import time

from bench.measure import Result, centiles
from bench.site import CLIENT_CORE, SERVER_CORE

SECONDS = 2.0
PAUSE_SECONDS = 0.001
SOCKETS = 500
# About what a message is on the wire, and the smallest that PostgreSQL writes of its log.
PACKET, BLOCK = b"x" * 400, b"x" * 8192
ADDITIONS = 1_000_000


def machine() -> list[Result]:
    """Sends to many sockets one after the other, additions in Python, and writes that wait for the disk."""
    cores = os.sched_getaffinity(0)
    _stay_on(SERVER_CORE)
    try:
        return [_sends(), _additions(), _writes()]
    finally:
        os.sched_setaffinity(0, cores)


def _stay_on(core: int) -> None:
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def _sends() -> Result:
    result = Result(f"the machine: a send to each of {SOCKETS}", "sends")
    with socket.create_server(("127.0.0.1", 0), backlog=SOCKETS) as server:
        reader = subprocess.Popen([sys.executable, "-m", "bench.machine", str(server.getsockname()[1])])
        accepted = [server.accept()[0] for _ in range(SOCKETS)]
    for each in accepted:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    done, used, began = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for each in accepted:
            each.send(PACKET)
        done += SOCKETS
        # The reader keeps up.
        time.sleep(PAUSE_SECONDS)
    result.rate = done / (time.perf_counter() - began)
    result.cpu_us = (time.process_time() - used) / done * 1e6
    for each in accepted:
        each.close()
    reader.wait()
    return result


def _additions() -> Result:
    result = Result("the machine: additions in Python", "additions")
    used, total = time.process_time(), 0
    for number in range(ADDITIONS):
        total += number
    used = time.process_time() - used
    result.rate, result.cpu_us = ADDITIONS / used, used / ADDITIONS * 1e6
    return result


def _writes() -> Result:
    result = Result("the machine: a block on the disk", "writes")
    taken: list[float] = []
    with tempfile.TemporaryFile() as file:
        file.write(BLOCK * 512)
        os.fsync(file.fileno())
        began = time.perf_counter()
        while (now := time.perf_counter()) - began < SECONDS:
            os.pwrite(file.fileno(), BLOCK, len(taken) % 512 * len(BLOCK))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - now)
    result.rate = len(taken) / SECONDS
    result.p50, result.p99 = centiles(taken)
    return result


def _read() -> None:
    """Take in whatever comes on as many connections, until they end."""
    _stay_on(CLIENT_CORE)
    poll = select.epoll()
    connections = {}
    for _ in range(SOCKETS):
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        connections[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if not connections[descriptor].recv(262144):
                return


if __name__ == "__main__":
    _read()
