"""Blocks and settings on several workers: in force everywhere when the response arrives."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import Connect
from tests.multiworker.conftest import WORKERS, WorkersServer
from tests.people import Person, data, register
from tests.waiting import eventually

ROUNDS = 12
SOCKETS = 2 * WORKERS


@pytest.fixture(scope="module")
def joined(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkersServer]:
    """Several workers with a bus."""
    folder = tmp_path_factory.mktemp("joined")
    limits = {"RATELIMIT_ENABLED": "false"}
    with (
        EmbeddedValkey(folder / "valkey") as valkey,
        WorkersServer(database_url, folder, REDIS_URL=valkey.url, **limits) as server,
    ):
        yield server
        assert not server.errors_in_log()


def call(person: Person, method: str, path: str, body: object = None) -> requests.Response:
    """A request on a connection of its own, which any worker accepts."""
    headers = {"Authorization": f"Bearer {person.token}"}
    return requests.request(method, f"{person.url}/api/v1{path}", json=body, headers=headers, timeout=20)


def test_no_send_is_committed_after_the_response_to_a_block(joined: WorkersServer) -> None:
    alice, bob = register(joined.url), register(joined.url)
    chat_id = alice.direct_chat(bob)
    over = threading.Event()

    def keep_sending() -> None:
        while not over.is_set():
            response = call(bob, "POST", "/messages", {"chatId": chat_id, "content": "x"})
            assert response.ok or response.json()["code"] == "cannot_send", response.text

    def last_seq() -> int:
        return int(data(alice.get(f"/chats/{chat_id}"))["lastSeq"])

    with ThreadPoolExecutor(SOCKETS) as pool:
        senders = [pool.submit(keep_sending) for _ in range(SOCKETS)]
        try:
            for _ in range(ROUNDS):
                before = last_seq()
                eventually(lambda before=before: last_seq() > before or senders[0].done(), 20)  # type: ignore[misc]
                assert not any(sender.done() for sender in senders), [s.exception() for s in senders if s.done()]
                assert call(alice, "PUT", f"/users/me/blocks/{bob.id}").status_code == 204
                sent = last_seq()
                # While the others keep trying.
                for _ in range(SOCKETS):
                    call(bob, "POST", "/messages", {"chatId": chat_id, "content": "x"})
                assert last_seq() == sent
                assert call(alice, "DELETE", f"/users/me/blocks/{bob.id}").status_code == 204
        finally:
            over.set()
        for sender in senders:
            sender.result()


def test_events_follow_a_change_on_every_worker(joined: WorkersServer, connect: Connect) -> None:
    alice, bob = register(joined.url), register(joined.url)
    chat_id = alice.group(bob)
    typists = [connect(alice, transports=["websocket"]) for _ in range(SOCKETS)]
    watchers = [connect(bob, transports=["websocket"]) for _ in range(SOCKETS)]

    def typing_seen() -> int:
        before = len(watchers[0].received("typing:start"))
        for socket in typists:
            assert socket.call("typing:start", {"chatId": chat_id})["ok"]
        # Events of a chat arrive in order from each worker: after these, nothing of before is under way.
        message = alice.send(chat_id, "x")
        for socket in watchers:
            socket.wait_for("message:new", lambda payload: payload["id"] == message["id"])
        for socket in watchers:
            socket.flush()
        counts = {len(socket.received("typing:start")) for socket in watchers}
        assert len(counts) == 1
        return counts.pop() - before

    assert typing_seen() == SOCKETS
    for hide, show in (
        (("PATCH", "/users/me/settings", {"typing": False}), ("PATCH", "/users/me/settings", {"typing": True})),
        (("PUT", f"/users/me/blocks/{bob.id}", None), ("DELETE", f"/users/me/blocks/{bob.id}", None)),
    ):
        assert call(alice, *hide).ok
        assert typing_seen() == 0
        assert call(alice, *show).ok
        assert typing_seen() == SOCKETS


def test_own_events_arrive_in_order_on_each_worker(joined: WorkersServer, connect: Connect) -> None:
    alice = register(joined.url)
    others = [register(joined.url) for _ in range(6)]
    sockets = [connect(alice, transports=["websocket"]) for _ in range(SOCKETS)]
    with ThreadPoolExecutor(6) as pool:
        blocks = [pool.submit(call, alice, "PUT", f"/users/me/blocks/{other.id}") for other in others]
        changes = [
            pool.submit(call, alice, "PATCH", "/users/me/settings", {"notify": notify})
            for notify in ("none", "mentions", "all", "none")
        ]
    assert {each.result().status_code for each in blocks} == {204}
    assert all(each.result().ok for each in changes)
    rev = data(alice.post("/sync", {"chats": {}, "me": 0}))["me"]["rev"]
    for socket in sockets:
        socket.flush()
        revs = [payload["meRev"] for name, payload in socket.received() if name.startswith("me:")]
        assert revs == list(range(1, rev + 1))


def test_two_users_block_each_other_at_once(joined: WorkersServer) -> None:
    people = [register(joined.url) for _ in range(3)]
    chats = {(one.id, other.id): one.direct_chat(other) for one in people for other in people if one is not other}
    with ThreadPoolExecutor(6) as pool:
        for method, is_open in (("PUT", False), ("DELETE", True), ("PUT", False)):
            pairs = [(one, other) for one in people for other in people if one is not other]
            responses = list(pool.map(lambda pair: call(pair[0], method, f"/users/me/blocks/{pair[1].id}"), pairs))  # noqa: B023
            assert {response.status_code for response in responses} == {204}
            for one, other in pairs:
                sent = call(one, "POST", "/messages", {"chatId": chats[one.id, other.id], "content": "x"})
                assert sent.ok is is_open


def test_a_block_and_a_new_direct_chat_at_once(joined: WorkersServer) -> None:
    for _ in range(ROUNDS):
        alice, bob = register(joined.url), register(joined.url)
        with ThreadPoolExecutor(2) as pool:
            blocking = pool.submit(call, alice, "PUT", f"/users/me/blocks/{bob.id}")
            opening = pool.submit(call, bob, "POST", "/chats/direct", {"userId": alice.id})
        assert blocking.result().status_code == 204
        if opening.result().ok:
            body = {"chatId": data(opening.result())["id"], "content": "x"}
            assert call(bob, "POST", "/messages", body).json()["code"] == "cannot_send"
        else:
            assert opening.result().status_code == 404
