"""Redis hangs, dies, takes no writes or is out of reach: no request fails, and none waits more than a moment."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
import redis
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.fuzz.raw_clients import RawWebSocket, event
from tests.people import Person, register
from tests.server import Server

CLIENTS = 16
LIMITS = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_GLOBAL": "100000/60s",
    "RATELIMIT_EVENTS": "100000/60s",
    "RATELIMIT_REGISTER": "1000/60s",
    "RATELIMIT_LOGIN": "10000/60s",
    "RATELIMIT_LOGIN_FAILURES": "10000/15m",
    "RATELIMIT_LOGIN_FAILURES_TOTAL": "10000/15m",
}
# A wait for Redis and what a busy machine adds.
MAX_SECONDS = 1.5


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture(scope="module")
def counting(valkey: EmbeddedValkey, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that counts in that Valkey; no test may make it log an error."""
    with Server(database_url, tmp_path_factory.mktemp("counting"), REDIS_URL=valkey.url, **LIMITS) as server:
        yield server
    assert not server.errors_in_log()


@pytest.fixture(scope="module")
def user(counting: Server) -> Person:
    return register(counting.url)


def test_a_hanging_redis_delays_logins_once(counting: Server, valkey: EmbeddedValkey, user: Person) -> None:
    with suspended(valkey), ThreadPoolExecutor(CLIENTS) as pool:
        first = list(pool.map(lambda number: timed_login(counting, number), range(CLIENTS)))
        assert max(seconds for _, seconds in first) < MAX_SECONDS
        later = [timed_login(counting, number) for number in range(5)]
        assert sum(seconds for _, seconds in later) < MAX_SECONDS
        assert {response.status_code for response, _ in first + later} == {401}
        assert all("RateLimit-Remaining" in response.headers for response, _ in first + later)
    counts_again(counting, valkey, user)


def test_a_hanging_redis_does_not_delay_requests(counting: Server, valkey: EmbeddedValkey, user: Person) -> None:
    with suspended(valkey):
        responses = [timed(user) for _ in range(20)]
        assert sum(seconds for _, seconds in responses) < MAX_SECONDS
        assert {response.status_code for response, _ in responses} == {200}
        assert all("RateLimit-Remaining" in response.headers for response, _ in responses)
    counts_again(counting, valkey, user)


def test_a_hanging_redis_does_not_delay_events(counting: Server, valkey: EmbeddedValkey, user: Person) -> None:
    with RawWebSocket(counting.url) as client:
        client.join(user.token)
        with suspended(valkey):
            began = time.monotonic()
            for number in range(20):
                response = client.ask(event("typing:stop", {"chatId": "x"}, ack=str(number)), str(number))
                assert response["error"]["code"] == "validation_error"
            assert time.monotonic() - began < MAX_SECONDS
    counts_again(counting, valkey, user)


def test_no_request_fails_while_redis_is_killed(counting: Server, valkey: EmbeddedValkey, user: Person) -> None:
    with load(counting, user) as statuses:
        for _ in range(3):
            wait_for_more(statuses)
            valkey.kill()
            wait_for_more(statuses)
            valkey.start()
            wait_for(
                lambda: counting.log.rstrip().rfind("rate_limits_shared") > counting.log.rfind("rate_limits_local")
            )
    assert set(statuses) == {200, 401}


def test_no_request_fails_while_redis_takes_no_writes(counting: Server, valkey: EmbeddedValkey, user: Person) -> None:
    with redis.Redis.from_url(valkey.url) as client, load(counting, user) as statuses:
        client.replicaof("127.0.0.1", "1")
        try:
            wait_for_more(statuses)
            wait_for(lambda: "ReadOnlyError" in counting.log)
            wait_for_more(statuses)
        finally:
            client.replicaof("NO", "ONE")
    assert set(statuses) == {200, 401}
    counts_again(counting, valkey, user)


def test_an_unreachable_redis_delays_requests_once(database_url: str, tmp_path: Path) -> None:
    with (
        black_hole() as port,
        Server(database_url, tmp_path, REDIS_URL=f"redis://127.0.0.1:{port}/0", **LIMITS) as server,
    ):
        began = time.monotonic()
        user = register(server.url)
        assert time.monotonic() - began < MAX_SECONDS
        responses = [timed(user) for _ in range(20)]
        assert sum(seconds for _, seconds in responses) < MAX_SECONDS
        with RawWebSocket(server.url) as client:
            client.join(user.token)
            began = time.monotonic()
            client.ask(event("typing:stop", {"chatId": "x"}, ack="1"), "1")
            assert time.monotonic() - began < MAX_SECONDS


def timed(user: Person) -> tuple[requests.Response, float]:
    """A response on a connection of its own, and its seconds."""
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {user.token}"}
    response = requests.get(f"{user.url}/api/v1/users/me", headers=headers, timeout=30)
    return response, time.monotonic() - began


def timed_login(server: Server, number: int) -> tuple[requests.Response, float]:
    """The response to a failed login, and its seconds."""
    began = time.monotonic()
    body = {"username": f"unknown_{number}", "password": "Wrong4Horse"}
    response = requests.post(f"{server.url}/api/v1/auth/login", json=body, timeout=30)
    return response, time.monotonic() - began


def counts_again(server: Server, valkey: EmbeddedValkey, user: Person) -> None:
    """Return once the server counts in Valkey again."""
    with redis.Redis.from_url(valkey.url) as client:

        def counted() -> bool:
            assert user.get("/users/me").ok
            timed_login(server, 0)
            return bool(client.keys("chatapp:{limits}:shared:*") and client.keys("chatapp:{limits}:failed logins:*"))

        client.flushall()
        wait_for(counted)


@contextmanager
def suspended(valkey: EmbeddedValkey) -> Iterator[None]:
    """Make Valkey hang: it accepts connections and does not respond."""
    port = int(valkey.url.rpartition(":")[2].partition("/")[0])
    (pid,) = {c.pid for c in psutil.net_connections("tcp") if c.laddr.port == port and c.status == "LISTEN"}
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port to which no connection is ever made: its backlog is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextmanager
def load(server: Server, user: Person) -> Iterator[list[int]]:
    """The statuses of what 16 clients get meanwhile, which read and log in."""
    statuses: list[int] = []
    stopped = False

    def ask(number: int) -> None:
        with requests.Session() as session:
            while not stopped:
                if number % 4:
                    headers = {"Authorization": f"Bearer {user.token}"}
                    response = session.get(f"{server.url}/api/v1/users/me", headers=headers, timeout=30)
                else:
                    body = {"username": f"unknown_{number}", "password": "Wrong4Horse"}
                    response = session.post(f"{server.url}/api/v1/auth/login", json=body, timeout=30)
                statuses.append(response.status_code)

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask, number) for number in range(CLIENTS)]
        try:
            yield statuses
        finally:
            stopped = True
        for one in asking:
            one.result()


def wait_for_more(statuses: list[int]) -> None:
    """Return after some more responses."""
    count = len(statuses) + 5 * CLIENTS
    wait_for(lambda: len(statuses) >= count)


def wait_for(happened: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)
