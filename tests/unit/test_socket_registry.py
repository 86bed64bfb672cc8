"""The registry of sockets costs the same however many sockets there are."""

import itertools
from types import SimpleNamespace

from chatapp.compat.socketio import SocketRegistry
from chatapp.sockets.packets import NAMESPACE


def test_sockets_have_one_room_together() -> None:
    numbers = itertools.count()
    registry = SocketRegistry()
    engineio = SimpleNamespace(generate_id=lambda: f"sid {next(numbers)}")
    registry.set_server(SimpleNamespace(eio=engineio, packet_class=SimpleNamespace(json=None)))
    first, second = (registry.pre_connect(f"session {number}", NAMESPACE) for number in range(2))
    assert list(registry.rooms[NAMESPACE]) == [None]
    registry.connect(first, NAMESPACE)
    registry.disconnect(first, NAMESPACE)
    assert not registry.is_connected(first, NAMESPACE)
    assert registry.eio_sid_from_sid(second, NAMESPACE) == "session 1"
