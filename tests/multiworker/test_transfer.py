"""A session works whichever worker accepts the client's next connection, over every transport."""

import os
import select
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import Connect, both_clients
from tests.multiworker.conftest import POLLING, PollingConnection, WorkersServer, looks_at_processes
from tests.people import Person, register
from tests.server import Server
from tests.socket_clients import JsDriver, SocketClient
from tests.socket_clients.surface import NO_CHAT
from tests.waiting import eventually

LARGE = 60_000
TRANSPORTS: list[list[str] | None] = [["polling"], ["websocket"], None]


@pytest.fixture
def someone(workers: WorkersServer) -> Person:
    """A new user of the server with several workers."""
    return register(workers.url)


@both_clients
@pytest.mark.parametrize("transports", TRANSPORTS)
def test_every_transport_works(
    workers: WorkersServer, connect: Connect, someone: Person, transports: list[str] | None
) -> None:
    chat = someone.direct_chat(register(workers.url))
    for _ in range(6):
        socket = connect(someone, transports=transports)
        if transports is None:
            socket.wait_upgrade()
        sends_and_receives(socket, chat)


def test_a_hundred_clients_that_connect_at_once_are_all_upgraded(workers: WorkersServer, js_driver: JsDriver) -> None:
    people = [register(workers.url) for _ in range(10)]
    sockets = js_driver.connect_many(workers.url, [person.token for person in people] * 10)
    for socket in sockets:
        socket.wait_upgrade(30)
    for socket in sockets:
        socket.flush()
    assert not [socket for socket in sockets if was_disconnected(socket)]
    for socket in sockets:
        socket.disconnect()


def test_one_connection_serves_sessions_of_every_worker(workers: WorkersServer, someone: Person) -> None:
    sids = workers.session_in_each_worker()
    with PollingConnection(workers) as connection:
        for sid in sids:
            assert connection.post(sid, f'40/chat,{{"token":"{someone.token}"}}').read() == b"OK"
        for sid in sids:
            response = connection.poll(sid, Origin="http://elsewhere.example")
            assert b'40/chat,{"sid":' in response.read()
            assert response.headers["Access-Control-Allow-Origin"] == "http://elsewhere.example"


def test_pipelined_requests_get_responses_in_order(workers: WorkersServer) -> None:
    sids = workers.session_in_each_worker() * 3
    with PollingConnection(workers) as connection:
        requests = (
            f"POST {POLLING}&sid={sid} HTTP/1.1\r\nHost: chat\r\nOrigin: http://{number}.example\r\n"
            "Content-Length: 1\r\n\r\n3"
            for number, sid in enumerate(sids)
        )
        connection.sock.sendall("".join(requests).encode())
        responses = b""
        while responses.count(b"\r\nOK\r\n") < len(sids):
            piece = connection.sock.recv(65536)
            assert piece, responses
            responses += piece
    places = [responses.index(f"//{number}.example".encode()) for number in range(len(sids))]
    assert places == sorted(places)


def test_large_body_can_follow_its_head(workers: WorkersServer, someone: Person) -> None:
    packet = f'42/chat,7["message:send",{{"chatId":"{NO_CHAT}","content":"{"x" * LARGE}"}}]'
    for sid in workers.session_in_each_worker():
        with PollingConnection(workers) as connection:
            connection.post(sid, f'40/chat,{{"token":"{someone.token}"}}').read()
            connection.poll(sid).read()
        with PollingConnection(workers) as connection:
            connection.putrequest("POST", f"{POLLING}&sid={sid}")
            connection.putheader("Content-Length", str(len(packet)))
            connection.putheader("Expect", "100-continue")
            connection.endheaders()
            assert select.select([connection.sock], [], [], 10)[0], "the body was not requested"
            connection.send(packet.encode())
            assert connection.getresponse().read() == b"OK"
            assert b'"code":"validation_error"' in connection.poll(sid).read()


@pytest.mark.parametrize("sid", ["00000000.AAAAAAAAAAAAAAAAAAAA", "00000000.", "../../etc/passwd", "%2e%00"])
def test_unknown_session_is_refused_at_once(workers: WorkersServer, sid: str) -> None:
    with PollingConnection(workers) as connection:
        response = connection.post(sid, "3")
        assert (response.status, response.read()[:16]) == (400, b'"Invalid session')


@looks_at_processes
def test_a_worker_that_hangs_delays_only_its_own_clients(workers: WorkersServer) -> None:
    sids = workers.session_in_each_worker()
    hanging = next(iter(workers.workers))
    workers.hang(hanging)
    try:
        with ExitStack() as opened:
            connections = [opened.enter_context(PollingConnection(workers)) for _ in sids]
            for sid, connection in zip(sids, connections, strict=True):
                connection.request("POST", f"{POLLING}&sid={sid}", "3")
            eventually(lambda: len(with_response(connections)) == len(connections) - 1, 10)
            os.kill(hanging, signal.SIGCONT)
            assert [connection.getresponse().read() for connection in connections] == [b"OK"] * len(connections)
    finally:
        os.kill(hanging, signal.SIGCONT)


@looks_at_processes
def test_clients_of_a_killed_worker_reconnect_and_others_stay(own_workers: WorkersServer, js_driver: JsDriver) -> None:
    person = register(own_workers.url)
    sockets = [
        js_driver.connect(own_workers.url, person.token, transports=way, reconnection=True, reconnection_delay=0.1)
        for way in TRANSPORTS * 6
    ]
    sids = own_workers.session_in_each_worker()
    descriptors = own_workers.descriptors()
    victim = max(descriptors, key=lambda pid: descriptors[pid])
    own_workers.kill_worker(victim)
    with PollingConnection(own_workers) as connection:
        responses = [(response.status, response.read()) for response in (connection.post(sid, "3") for sid in sids)]
    assert sorted(status for status, _ in responses) == [200, 200, 400]
    own_workers.session_in_each_worker()
    for socket in sockets:
        socket.wait_connected()
        socket.flush()
    lost = [socket for socket in sockets if was_disconnected(socket)]
    assert 0 < len(lost) < len(sockets)
    for socket in sockets:
        socket.disconnect()
    assert [line for line in own_workers.errors_in_log() if "SIGKILL" not in line] == []


def test_stop_is_quick_and_clients_reconnect(own_workers: WorkersServer, js_driver: JsDriver) -> None:
    token = register(own_workers.url).token
    sockets = [js_driver.connect(own_workers.url, token, transports=way, reconnection=True) for way in TRANSPORTS * 5]
    assert own_workers.stop() < 5
    own_workers.start()
    for socket in sockets:
        socket.wait_disconnect()
        socket.wait_connected()
        socket.flush()
        socket.disconnect()
    assert not own_workers.errors_in_log()


def test_leftovers_of_a_killed_server_are_removed(database_url: str, tmp_path: Path) -> None:
    # Paths of unix sockets have to be short.
    with TemporaryDirectory(dir="/tmp") as folder:
        with Server(database_url, tmp_path, WEB_CONCURRENCY="2", TMPDIR=folder) as server:
            server.kill()
            left = set(os.listdir(folder))
            assert left
            server.start()
            assert not left & set(os.listdir(folder))
        assert not os.listdir(folder)


@looks_at_processes
def test_ended_sessions_leave_nothing_behind(workers: WorkersServer, js_driver: JsDriver, someone: Person) -> None:
    def come_and_go(times: int) -> None:
        sockets = js_driver.connect_many(workers.url, [someone.token] * times)
        for number, socket in enumerate(sockets):
            if number % 2:
                socket.wait_upgrade()
            if number % 3:
                socket.disconnect()
            else:
                socket.drop()
        for sid in workers.session_in_each_worker() * (times // 3):
            with PollingConnection(workers) as connection:
                connection.request("POST", f"{POLLING}&sid={sid}", "3")

    come_and_go(20)
    before = workers.descriptors()
    for _ in range(3):
        come_and_go(40)
    eventually(lambda: all(count < before[pid] + 5 for pid, count in workers.descriptors().items()), 20)


def sends_and_receives(socket: SocketClient, chat: str) -> None:
    """A message is acknowledged to its socket, and emitted to it like to every member."""
    ack = socket.call("message:send", {"chatId": chat, "content": "Hello"})
    assert ack["ok"], ack
    socket.wait_for("message:new", lambda message: message["id"] == ack["data"]["id"])


def with_response(connections: Sequence[PollingConnection]) -> list[object]:
    """The connections with a response."""
    return list(select.select([connection.sock for connection in connections], [], [], 0)[0])


def was_disconnected(socket: SocketClient) -> bool:
    """True if its connection has ended at least once."""
    try:
        socket.wait_disconnect(timeout=0)
    except AssertionError:
        return False
    return True
