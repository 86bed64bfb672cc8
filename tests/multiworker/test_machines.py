"""Two servers with one database and one Redis: events of one reach the clients of the other."""

import json
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from socket import gethostname

import psycopg2
import pytest
import requests
from sqlalchemy import create_engine

from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import NewDatabase, insert_key
from tests.people import Backend, Person, data, register
from tests.server import ROOT, Server
from tests.socket_clients import JsDriver, SocketClient
from tests.waiting import eventually


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A real Redis-compatible server, which tests may kill."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture(scope="module")
def site_url(new_database: NewDatabase) -> str:
    """A separate database: another server on it, without their Redis, would announce reaped users only to itself."""
    return new_database("chat_machines")


@pytest.fixture(scope="module")
def machines(
    site_url: str, valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two connected servers."""
    folder = tmp_path_factory.mktemp("machines")
    with (
        Server(site_url, folder, REDIS_URL=valkey.url) as one,
        Server(site_url, folder, REDIS_URL=valkey.url) as two,
    ):
        for server in (one, two):
            wait_until_ready(server)
        yield one, two
        for server in (one, two):
            assert "Traceback" not in server.log


@pytest.fixture
def people(machines: tuple[Server, Server]) -> tuple[Person, Person]:
    """Alice on the first server, bob on the second."""
    return register(machines[0].url, "alice"), register(machines[1].url, "bob")


@pytest.fixture
def sockets(people: tuple[Person, Person], js_driver: JsDriver) -> Iterator[list[SocketClient]]:
    """A socket of each, on their server."""
    opened: list[SocketClient] = [js_driver.connect(p.url, p.token, reconnection=True) for p in people]
    yield opened
    for client in opened:
        client.disconnect()


def test_dashboard_uses_existing_metrics(
    machines: tuple[Server, Server], people: tuple[Person, Person], sockets: list[SocketClient]
) -> None:
    sockets[0].call("typing:start", {"chatId": people[0].direct_chat(people[1])})
    said = requests.get(f"{machines[0].url}/metrics", timeout=20).text
    # Samples are named after their family, with `_total` for counters.
    families = {name.removesuffix("_total") for name in re.findall(r"^# TYPE (\S+)", said, re.MULTILINE)}
    dashboard = json.loads((ROOT / "deploy" / "grafana.json").read_text())
    requested = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    names = set(re.findall(r"\bchat_\w+", " ".join(requested)))
    assert {re.sub("_(total|bucket|sum|count)$", "", name) for name in names} == families
    samples = set(re.findall(r"^(chat_\w+)", said, re.MULTILINE))
    assert names <= samples


def wait_until_ready(server: Server, seconds: float = 20, status: int = 200) -> None:
    """Wait until `/readyz` reports that all is well, or returns another status."""
    deadline = time.monotonic() + seconds
    while requests.get(f"{server.url}/readyz", timeout=20).status_code != status:
        assert time.monotonic() < deadline, f"the server's readiness does not become {status}"
        # Each request is some work for the server and the test.
        time.sleep(0.15)


def test_messages_and_receipts_reach_other_servers(people: tuple[Person, Person], sockets: list[SocketClient]) -> None:
    alice, bob = people
    chat = alice.direct_chat(bob)
    for socket in sockets:
        assert socket.wait_for("chat:new")["id"] == chat
    sent = sockets[0].call("message:send", {"chatId": chat, "content": "Hello"})["data"]
    assert sockets[1].wait_for("message:new")["id"] == sent["id"]
    assert sockets[0].wait_for("messages:delivered")["receipts"][0]["userId"] == bob.id
    sockets[1].call("messages:read", {"chatId": chat})
    assert sockets[0].wait_for("messages:read")["readSeq"] == 1
    sockets[1].call("typing:start", {"chatId": chat})
    assert sockets[0].wait_for("typing:start")["userId"] == bob.id


def test_a_chat_is_in_seq_order_when_two_workers_send_into_it(
    people: tuple[Person, Person], sockets: list[SocketClient]
) -> None:
    alice, bob = people
    chat = alice.direct_chat(bob)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: people[n % 2].send(chat, str(n)), range(60)))
    for socket in sockets:
        assert [socket.wait_for("message:new")["seq"] for _ in range(60)] == list(range(1, 61))


def test_presence_counts_sockets_everywhere(
    machines: tuple[Server, Server], people: tuple[Person, Person], sockets: list[SocketClient], js_driver: JsDriver
) -> None:
    alice, bob = people
    alice.direct_chat(bob)
    for socket in sockets:
        socket.wait_for("chat:new")
    second = js_driver.connect(machines[0].url, bob.token)
    sockets[1].disconnect()
    assert data(alice.get(f"/users/{bob.name}"))["isOnline"] is True
    second.disconnect()
    assert sockets[0].wait_for("user:offline")["userId"] == bob.id
    assert data(alice.get(f"/users/{bob.name}"))["isOnline"] is False


def test_a_logout_closes_sockets_on_every_worker_within_a_second(
    machines: tuple[Server, Server], people: tuple[Person, Person], js_driver: JsDriver
) -> None:
    alice, _ = people
    elsewhere = js_driver.connect(machines[1].url, alice.token, transports=["websocket"])
    began = time.monotonic()
    alice.post("/auth/logout")
    assert elsewhere.wait_disconnect() == "io server disconnect"
    assert time.monotonic() - began < 1


def test_no_event_after_the_204_of_a_removal_on_another_worker(
    people: tuple[Person, Person], sockets: list[SocketClient]
) -> None:
    alice, bob = people
    chat = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id]}))["id"]
    for _ in range(5):
        sockets[1].wait_for("chat:new")
        # The messages come from bob's own worker, sent by a member who stays.
        with ThreadPoolExecutor(4) as pool:
            storm = [pool.submit(alice.send, chat, str(n)) for n in range(40)]
            sockets[1].wait_for("message:new")
            assert alice.delete(f"/chats/{chat}/members/{bob.id}").status_code == 204
            last_rev = data(alice.get(f"/chats/{chat}"))["lastRev"]
            for send in storm:
                send.result()
        sockets[1].flush()
        revs = [payload["rev"] for _, payload in sockets[1].received("message:new")]
        assert max(revs) < last_rev
        assert alice.post(f"/chats/{chat}/members", {"userId": bob.id}).status_code == 201


def test_sends_are_stored_without_redis_and_events_resume_afterwards(
    machines: tuple[Server, Server],
    people: tuple[Person, Person],
    sockets: list[SocketClient],
    valkey: EmbeddedValkey,
) -> None:
    alice, bob = people
    chat = alice.direct_chat(bob)
    group = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id]}))["id"]
    sockets[0].wait_for("chat:new")
    valkey.kill()
    stored = sockets[0].call("message:send", {"chatId": chat, "content": "stored"}, timeout=20)
    assert stored["ok"] is True
    assert alice.send(group, "stored too")["seq"] == 1
    ready = requests.get(f"{machines[0].url}/readyz", timeout=20)
    assert (ready.status_code, ready.json()["checks"]) == (503, {"database": "ok", "queue": "unavailable"})
    assert alice.delete(f"/chats/{group}/members/{bob.id}").status_code == 204
    valkey.start()
    for server in machines:
        wait_until_ready(server, 15)
    alice.send(group, "not for bob")
    sockets[0].call("message:send", {"chatId": chat, "content": "heard"})
    assert sockets[1].wait_for("message:new", lambda m: m["content"] == "heard")["seq"] == 2
    sockets[1].flush()
    assert group not in {payload["chatId"] for _, payload in sockets[1].received("message:new")}
    missed = sockets[1].call("sync", {"chats": {}})["data"]
    assert [m["content"] for m in missed["messages"][chat]] == ["stored", "heard"]


def test_workers_table_has_the_state_of_redis(
    site_url: str, machines: tuple[Server, Server], valkey: EmbeddedValkey
) -> None:
    def workers() -> set[tuple[str, bool]]:
        with psycopg2.connect(site_url.replace("+psycopg2", "", 1)) as db, db.cursor() as cursor:
            cursor.execute("SELECT host, redis FROM workers WHERE expires_at > now()")
            return set(cursor.fetchall())

    eventually(lambda: workers() == {(gethostname(), True)}, 15)
    valkey.kill()
    eventually(lambda: workers() == {(gethostname(), False)}, 15)
    valkey.start()
    for server in machines:
        wait_until_ready(server, 15)


def test_users_of_a_killed_worker_go_offline(
    site_url: str,
    valkey: EmbeddedValkey,
    machines: tuple[Server, Server],
    tmp_path_factory: pytest.TempPathFactory,
    js_driver: JsDriver,
) -> None:
    with Server(site_url, tmp_path_factory.mktemp("killed"), REDIS_URL=valkey.url) as doomed:
        alice, bob = register(machines[0].url, "alice"), register(doomed.url, "bob")
        alice.direct_chat(bob)
        watcher, seen = js_driver.connect(alice.url, alice.token), js_driver.connect(bob.url, bob.token)
        watcher.wait_for("user:online", lambda payload: payload["userId"] == bob.id)
        doomed.kill()
        began = time.monotonic()
        watcher.wait_for("user:offline", lambda payload: payload["userId"] == bob.id, timeout=30)
        assert time.monotonic() - began < 30
        assert data(alice.get(f"/users/{bob.name}"))["isOnline"] is False
        for socket in (watcher, seen):
            socket.disconnect()
        doomed.start()


def test_servers_change_one_group_on_both_machines(
    site_url: str, machines: tuple[Server, Server], people: tuple[Person, Person], sockets: list[SocketClient]
) -> None:
    engine = create_engine(site_url)
    one = insert_key(engine, machines[0].url, ["chats", "messages"])
    two = Backend(machines[1].url, one.key)
    engine.dispose()
    body = {"name": "Team", "memberIds": [person.id for person in people], "announces": ["left"]}
    with ThreadPoolExecutor(6) as pool:
        puts = [pool.submit(backend.put, "/server/chats/order-7", body) for backend in (one, two) * 3]
        assert sorted(put.result().status_code for put in puts) == [200] * 5 + [201]
    chat = data(two.get("/server/chats/ext:order-7"))
    assert (chat["memberCount"], chat["lastRev"]) == (2, 1)
    for socket in sockets:
        assert socket.wait_for("chat:new", lambda new: new["id"] == chat["id"])["externalId"] == "order-7"
    message = {"content": "Shipped.", "clientId": str(uuid.uuid4())}
    path = "/server/chats/ext:order-7/messages"
    with ThreadPoolExecutor(6) as pool:
        posts = [pool.submit(backend.post, path, message) for backend in (one, two) * 3]
        assert sorted(each.result().status_code for each in posts) == [200] * 5 + [201]
    two.delete(f"/server/chats/ext:order-7/members/{people[1].id}")
    sockets[0].wait_for("message:new", lambda message: message["seq"] == 2)
    contents = [message["content"] for _, message in sockets[0].received("message:new")]
    assert contents == ["Shipped.", f"{people[1].name} left."]
    assert sockets[1].wait_for("chat:member_left")["rev"] == 3
