"""What the site promises while a machine or a connection between machines is away, and how soon all is well again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.hosts.conftest import HOSTS, Site
from tests.hosts.network import needs_namespaces
from tests.people import Person, data
from tests.socket_clients import JsClient

pytestmark = needs_namespaces
People = dict[str, Person]
Sockets = dict[str, JsClient]


@contextmanager
def unplugged(site: Site, name: str) -> Iterator[None]:
    """Have a machine reached by none of the others."""
    site.network.unplug(name)
    try:
        yield
    finally:
        site.network.plug(name)


@pytest.fixture
def group(people: People, sockets: Sockets) -> str:
    """A group of all, which all sockets know."""
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
        for name in HOSTS:
            status, checks = site[name].readiness()
            assert (status, checks["database"]) == (503, "ok")
            assert checks["queue"] != "ok"
    site.wait_until_ready(10)
