"""Three workers on a Redis Cluster of three nodes, whose slots move and whose nodes fail under traffic."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from chatapp.compat.redis import slot_of
from chatapp.fanout.chat_channels import channel_of
from chatapp.fanout.publisher import CHANNEL
from tests.conftest import NewDatabase
from tests.multiworker.test_chat_channels import Talk, connected_machines, group
from tests.multiworker.test_machines import wait_until_ready
from tests.people import Person, data, register
from tests.redis_cluster import RedisCluster
from tests.server import UNREACHED_LIMITS, Server
from tests.socket_clients import JsDriver, SocketClient
from tests.waiting import eventually

# So that each move, which takes some hundredths of a second, meets messages of all chats.
MOVING_PAUSE = 0.05


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def machines(
    cluster: RedisCluster, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Server]]:
    """Servers on the Cluster, with limits."""
    folder = tmp_path_factory.mktemp("machines")
    changes = {"REDIS_URL": cluster.url, **UNREACHED_LIMITS}
    with connected_machines(new_database("chat_redis_cluster"), folder, 20, **changes) as machines:
        yield machines


@pytest.fixture
def people(machines: list[Server]) -> list[Person]:
    """A user on each machine."""
    return [register(server.url, f"on_{number}") for number, server in enumerate(machines)]


@pytest.fixture
def sockets(people: list[Person], js_driver: JsDriver) -> Iterator[list[SocketClient]]:
    opened: list[SocketClient] = [js_driver.connect(person.url, person.token) for person in people]
    yield opened
    for socket in opened:
        socket.disconnect()


def seqs(socket: SocketClient, chat_id: str) -> list[int]:
    """The `seq` of the messages of a chat, as they arrived."""
    return [m["seq"] for _, m in socket.received("message:new") if m["chatId"] == chat_id]


def assert_complete(sockets: list[SocketClient], ends: dict[str, int], seconds: float) -> None:
    """All messages arrive, in order and once."""
    for socket in sockets:
        for chat_id, last in ends.items():
            eventually(lambda s=socket, c=chat_id, n=last: seqs(s, c)[-1:] == [n], seconds)  # type: ignore[misc]
            assert seqs(socket, chat_id) == list(range(1, last + 1))


def test_slots_move_under_traffic(
    cluster: RedisCluster, machines: list[Server], people: list[Person], sockets: list[SocketClient]
) -> None:
    chats = [group(*people) for _ in range(6)]
    for socket in sockets:
        for _ in chats:
            socket.wait_for("chat:new")
    outages = [server.log.count('"redis_disconnected"') for server in machines]
    talk = Talk(people, chats, MOVING_PAUSE)
    moving = slot_of(channel_of(chats[0]))
    assert moving != slot_of(CHANNEL)
    for _ in range(6):
        time.sleep(0.5)
        cluster.move(moving)
    ends = dict(zip(chats, talk.stop(), strict=True))
    assert_complete(sockets, ends, 10)
    # Only the chats of the slot are read again.
    assert [server.log.count('"redis_disconnected"') for server in machines] == outages
    talk = Talk(people, chats, MOVING_PAUSE)
    time.sleep(0.5)
    cluster.move(slot_of(CHANNEL))
    time.sleep(1)
    ends = dict(zip(chats, talk.stop(), strict=True))
    assert_complete(sockets, ends, 20)


def test_removal_is_in_force_before_its_response(
    cluster: RedisCluster, people: list[Person], sockets: list[SocketClient]
) -> None:
    alice, bob, carol = people
    chat = group(alice, bob, carol)
    moving = slot_of(channel_of(chat))
    for turn in range(5):
        sockets[2].wait_for("chat:new")
        with ThreadPoolExecutor(4) as pool:
            storm = [pool.submit(bob.send, chat, str(count)) for count in range(40)]
            sockets[2].wait_for("message:new", lambda m: m["chatId"] == chat)
            if turn % 2:
                cluster.move(moving)
            assert alice.delete(f"/chats/{chat}/members/{carol.id}").status_code == 204
            last_rev = data(alice.get(f"/chats/{chat}"))["lastRev"]
            for send in storm:
                send.result()
        sockets[2].flush()
        revs = [m["rev"] for _, m in sockets[2].received("message:new") if m["chatId"] == chat]
        assert max(revs) < last_rev
        assert alice.post(f"/chats/{chat}/members", {"userId": carol.id}).status_code == 201


def test_a_node_fails_and_returns_under_traffic(
    cluster: RedisCluster, machines: list[Server], people: list[Person], sockets: list[SocketClient]
) -> None:
    chats = [group(*people) for _ in range(6)]
    for socket in sockets:
        for _ in chats:
            socket.wait_for("chat:new")
    for node in cluster.nodes:
        talk = Talk(people, chats)
        time.sleep(0.3)
        node.kill()
        with talk.slowed():
            for server in machines:
                wait_until_ready(server, 10, 503)
        # Without Redis messages are stored, and missed by sockets.
        ends = dict(zip(chats, talk.stop(), strict=True))
        node.start()
        for server in machines:
            wait_until_ready(server, 30)
        for chat_id in chats:
            ends[chat_id] = people[0].send(chat_id, "live again")["seq"]
        assert_complete_or_resynced(sockets, ends, 20)


def assert_complete_or_resynced(sockets: list[SocketClient], ends: dict[str, int], seconds: float) -> None:
    """All messages arrive in order and once, except those of chats that are named in `resync`."""
    for socket in sockets:
        for chat_id, last in ends.items():
            eventually(lambda s=socket, c=chat_id, n=last: seqs(s, c)[-1:] == [n], seconds)  # type: ignore[misc]
            named = any(chat_id in payload["chatIds"] for _, payload in socket.received("resync"))
            arrived = seqs(socket, chat_id)
            assert arrived == sorted(set(arrived))
            assert named or arrived == list(range(1, last + 1))


def test_exact_limits_hold_on_a_cluster(
    cluster: RedisCluster, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("limits")
    changes = {"RATELIMIT_ENABLED": "true", "WEB_CONCURRENCY": "3", "RATELIMIT_LOGIN": "7/600s"}
    with Server(new_database("chat_cluster_limits"), folder, REDIS_URL=cluster.url, **changes) as server:
        wait_until_ready(server, 20)
        # Limits count in Redis from the first response on.
        body = {"email": "nobody@example.org", "password": "Wrong4Horse"}

        def login(_number: int) -> int:
            return requests.post(f"{server.url}/api/v1/auth/login", json=body, timeout=60).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(login, range(20)))
        assert (statuses.count(401), statuses.count(429)) == (7, 13)
        assert '"rate_limits_local"' not in server.log
        # While the whole Cluster is down, each worker counts by itself.
        for node in cluster.nodes:
            node.kill()
        body["email"] = "another@example.org"
        assert login(0) == 401
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(login, range(20))) <= {401, 429}
        assert server.log.count('"rate_limits_local"') > 0
        assert not server.errors_in_log()
        time.sleep(2)
        for node in cluster.nodes:
            node.start()
        wait_until_ready(server, 30)
        eventually(lambda: server.log.count('"rate_limits_shared"') == server.log.count('"rate_limits_local"'), 10)
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(login, range(20)))
        assert (statuses.count(401), statuses.count(429)) == (7, 13)
        assert not server.errors_in_log()
