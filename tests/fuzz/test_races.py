"""Concurrent or interrupted operations of a client leave nothing behind."""

import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.fuzz.raw_clients import Ended, Polling, RawWebSocket, frame
from tests.people import Person, data, register
from tests.server import Server
from tests.waiting import eventually

TIMES = 40


def connect_packet(person: Person) -> str:
    return f'40/chat,{{"token":"{person.token}"}}'


def leaves_by_websocket(url: str, person: Person) -> None:
    """The connection ends."""
    with RawWebSocket(url) as websocket:
        websocket.write(frame(connect_packet(person)))


def breaks_off(url: str, person: Person) -> None:
    """The connection is reset."""
    with RawWebSocket(url) as websocket:
        websocket.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        websocket.write(frame(connect_packet(person)))


def says_goodbye(url: str, person: Person) -> None:
    """A close packet in the same write as the CONNECT."""
    with RawWebSocket(url) as websocket:
        websocket.write(frame(connect_packet(person)) + frame("1"))


def leaves_the_namespace(url: str, person: Person) -> None:
    """A disconnect and a close packet."""
    with RawWebSocket(url) as websocket:
        websocket.write(frame(connect_packet(person)) + frame("41/chat,") + frame("1"))


def leaves_while_posting(url: str, person: Person) -> None:
    """The same by polling, in two concurrent requests."""
    with Polling(url) as session, ThreadPoolExecutor(2) as pool:
        pool.submit(session.post, connect_packet(person))
        pool.submit(session.post, "1")


def connects_repeatedly(url: str, person: Person) -> None:
    """Many CONNECT packets at once, then a close packet."""
    with Polling(url) as session, ThreadPoolExecutor(8) as pool:
        for post in [pool.submit(session.post, connect_packet(person)) for _ in range(8)]:
            assert post.result().status_code == 200
        session.post("1")


WAYS = [
    leaves_by_websocket,
    breaks_off,
    says_goodbye,
    leaves_the_namespace,
    leaves_while_posting,
    connects_repeatedly,
]


@pytest.mark.parametrize("way", WAYS)
def test_quick_connect_and_disconnect_leaves_nothing(
    target: Server, mallory: Person, way: Callable[[str, Person], None]
) -> None:
    person = register(target.url, "hasty")
    with ThreadPoolExecutor(8) as pool:
        for visit in [pool.submit(way, target.url, person) for _ in range(TIMES)]:
            visit.result()
    eventually(lambda: not data(mallory.get(f"/users/{person.name}"))["isOnline"], 20)
    # None of the twenty slots is taken.
    with ThreadPoolExecutor(8) as pool:
        sockets = list(pool.map(lambda _: RawWebSocket(target.url), range(20)))
        assert len(list(pool.map(lambda websocket: websocket.join(person.token), sockets))) == 20
    for websocket in sockets:
        websocket.connection.close()


def test_logout_during_connect_closes_the_socket(target: Server) -> None:
    for _ in range(TIMES // 2):
        person = register(target.url, "hasty")
        with ThreadPoolExecutor(4) as pool, RawWebSocket(target.url) as websocket:
            joining = pool.submit(websocket.write, frame(connect_packet(person)))
            assert pool.submit(person.post, "/auth/logout").result().status_code == 204
            joining.result()
            websocket.connection.settimeout(20)
            # An error or a disconnect packet, or the end of the connection.
            with suppress(Ended):
                websocket.until(("44/chat,", "41/chat,"))
