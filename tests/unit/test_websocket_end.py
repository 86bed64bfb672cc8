"""A websocket whose client has gone ends once, whatever happens before its turn comes."""

import socket
from collections.abc import Callable, Iterator

import gevent
import pytest

from chatapp.server.turns import Work, turns
from chatapp.server.websocket import WebSocketConnection


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The ends of a TCP connection: of the server and of the client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        yield server, client


def resume(websocket: WebSocketConnection) -> None:
    """Stop reading, and read again."""
    websocket.pause()
    websocket.resume()


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda _websocket: None,
        resume,
        WebSocketConnection.pause,
        WebSocketConnection.close,
        WebSocketConnection.abort,
        lambda websocket: websocket.write(b"\x81\x00"),
    ],
    ids=["nothing", "resume", "pause", "close", "abort", "write"],
)
def test_lost_websocket_ends_once(
    pair: tuple[socket.socket, socket.socket], meanwhile: Callable[[WebSocketConnection], None]
) -> None:
    server, client = pair
    ends: list[bool] = []
    websocket = WebSocketConnection(server, 1024)
    websocket.received, websocket.ended = lambda _packet: None, lambda: ends.append(True)
    websocket.start(b"")
    # Departures wait for the next turn.
    turns.wait(Work.REQUEST)
    client.close()
    websocket._read()
    meanwhile(websocket)
    for _ in range(10):
        gevent.sleep(0.001)
    assert not websocket.open
    assert ends == [True]
