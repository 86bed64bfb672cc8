"""Behaviour during outages of a machine or of a connection between machines, and recovery times."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chatapp.fanout.bus import ACK_TIMEOUT
from tests.hosts.conftest import HOSTS, WORKERS, Site
from tests.hosts.network import needs_namespaces
from tests.people import Person, data, problem
from tests.socket_clients import JsClient
from tests.waiting import eventually

pytestmark = needs_namespaces
# Between the rounds of tests that ask again and again during an outage.
PAUSE_SECONDS = 0.25
People = dict[str, Person]
Sockets = dict[str, JsClient]


@contextmanager
def unplugged(site: Site, name: str) -> Iterator[None]:
    """Cut off a machine from all others."""
    site.network.unplug(name)
    try:
        yield
    finally:
        site.network.plug(name)


@contextmanager
def separated(site: Site, one: str, *others: str) -> Iterator[None]:
    """Cut off a machine from some others."""
    for other in others:
        site.network.separate(one, other)
    try:
        yield
    finally:
        for other in others:
            site.network.join(one, other)


@pytest.fixture
def group(people: People, sockets: Sockets) -> str:
    """A group of all users, known to all sockets."""
    owner, *others = people.values()
    chat = str(data(owner.post("/chats/groups", {"name": "x", "memberIds": [other.id for other in others]}))["id"])
    for socket in sockets.values():
        socket.wait_for("chat:new", lambda payload: payload["id"] == chat)
    return chat


def test_messages_reach_every_machine(sockets: Sockets, group: str) -> None:
    for name, socket in sockets.items():
        sent = socket.call("message:send", {"chatId": group, "content": name})["data"]
        for other in sockets.values():
            assert other.wait_for("message:new")["id"] == sent["id"]


def test_without_redis_sends_are_acknowledged_and_requests_get_responses(
    site: Site, people: People, sockets: Sockets, group: str
) -> None:
    with unplugged(site, "queue"):
        began = time.monotonic()
        while time.monotonic() - began < 8:
            for name in HOSTS:
                started = time.monotonic()
                assert sockets[name].call("message:send", {"chatId": group, "content": "stored"}, timeout=10)["ok"]
                assert people[name].get("/users/me").status_code == 200
                assert time.monotonic() - started < 2.5
            time.sleep(PAUSE_SECONDS)
        for name in HOSTS:
            status, checks = site[name].readiness()
            assert (status, checks["database"]) == (503, "ok")
            assert checks["queue"] != "ok"
    site.wait_until_ready(10)


def test_a_dead_machine_delays_removals_and_logouts_elsewhere_for_seconds_only(
    site: Site, people: People, group: str
) -> None:
    alice, bob = people["one"], people["two"]
    with unplugged(site, "three"):
        deadline = time.monotonic() + 12
        times = []
        while time.monotonic() < deadline:
            started = time.monotonic()
            assert alice.delete(f"/chats/{group}/members/{bob.id}").status_code == 204
            times.append(time.monotonic() - started)
            assert alice.post(f"/chats/{group}/members", {"userId": bob.id}).status_code == 201
            time.sleep(PAUSE_SECONDS)
        started = time.monotonic()
        assert bob.post("/auth/logout").status_code == 204
        assert time.monotonic() - started < 1
        assert max(times) < 6
        assert max(times[-3:]) < 1
    site.wait_until_ready(10)


def test_without_the_database_requests_get_503_and_all_is_well_by_itself(
    site: Site, people: People, sockets: Sockets, group: str
) -> None:
    with unplugged(site, "database"):
        # Requests in flight may wait for their timeout; later ones don't wait long.
        for name in HOSTS:
            started = time.monotonic()
            assert problem(people[name].get("/chats")) == (503, "database_unavailable")
            ack = sockets[name].call("message:send", {"chatId": group, "content": "x"}, timeout=20)
            assert ack["error"]["code"] == "database_unavailable"
            assert time.monotonic() - started < 12
            assert site[name].readiness()[0] == 503
    began = time.monotonic()
    for name in HOSTS:
        while not sockets[name].call("message:send", {"chatId": group, "content": "again"}, timeout=20)["ok"]:
            assert time.monotonic() - began < 10
            time.sleep(0.1)
    assert time.monotonic() - began < 10
    site.wait_until_ready(10)


def test_a_member_removed_while_their_machine_was_cut_off_is_informed(
    site: Site, people: People, sockets: Sockets, group: str
) -> None:
    alice, bob = people["one"], people["two"]
    with separated(site, "two", "queue", "database"):
        assert alice.delete(f"/chats/{group}/members/{bob.id}").status_code == 204
        alice.send(group, "not for bob")
    left = sockets["two"].wait_for("chat:member_left", timeout=20)
    assert (left["chatId"], left["userId"]) == (group, bob.id)
    alice.send(group, "not for bob either")
    sockets["two"].flush()
    assert group not in {payload["chatId"] for _, payload in sockets["two"].received("message:new")}


def test_after_a_restart_of_redis_each_worker_reads_the_database_once(site: Site, sockets: Sockets) -> None:
    def reads() -> list[int]:
        return [host.log.count('"rooms_reconciled"') for host in site.hosts.values()]

    before = reads()
    site.valkey.kill()
    site.valkey.start()
    eventually(lambda: sum(reads()) >= sum(before) + WORKERS * len(HOSTS), 15)
    # By then each worker knows whether it has lost events of others.
    time.sleep(ACK_TIMEOUT + 1)
    assert [after - number for after, number in zip(reads(), before, strict=True)] == [WORKERS] * len(HOSTS)
    site.wait_until_ready(10)


def test_a_machine_that_alone_lost_redis_closes_its_sockets(site: Site, sockets: Sockets) -> None:
    with separated(site, "two", "queue"):
        began = time.monotonic()
        sockets["two"].wait_disconnect(40)
        assert time.monotonic() - began > 5
        assert site["two"].readiness()[0] == 503
        for name in ("one", "three"):
            assert sockets[name].connected
            assert site[name].is_ready()
    site.wait_until_ready(10)
    sockets["two"].wait_connected()
