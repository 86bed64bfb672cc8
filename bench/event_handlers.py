"""What an event with an ack costs before and after its handler, in processor time: with Flask-SocketIO, and here.

    python -m bench.event_handlers

The handlers do nothing, and no packet leaves the process. Validation, limits and permissions are not included.
"""

from gevent import monkey

monkey.patch_all()

import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import orjson  # noqa: E402
from flask import Flask  # noqa: E402
from flask_socketio import Namespace, SocketIO  # noqa: E402
from werkzeug.test import create_environ  # noqa: E402

from chatapp.compat.engineio import sessions_of  # noqa: E402
from chatapp.compat.socketio import engineio_of, handlers_of  # noqa: E402
from chatapp.sockets.dispatch import ClientQueue, Dispatcher  # noqa: E402
from chatapp.sockets.dispatch import Packet as Received  # noqa: E402
from chatapp.sockets.incoming import decode_event  # noqa: E402
from chatapp.sockets.packets import NAMESPACE, PacketJson, encode_ack  # noqa: E402

EVENTS = 2000
# Events that arrive in one turn of the event loop.
AT_ONCE = 50
ROUNDS = 15
PACKET = '2/chat,1["send",{"chatId":"01a209c0-dd89-7528-89ae-40572c1fa41a","content":"Hello there"}]'


class Counter:
    """Counts the events that were handled."""

    def __init__(self) -> None:
        self.handled = 0

    def handle(self, payload: Any) -> dict[str, Any]:
        """Handle an event; returns its ack."""
        self.handled += 1
        return {"ok": True, "data": payload}


class FakeSession:
    """A session that drops its packets."""

    closed = False

    def send(self, packet: Any) -> None:
        """Called with each packet."""


def with_library(counter: Counter, *, async_handlers: bool) -> Callable[[], None]:
    """A function that receives an event through Flask-SocketIO."""
    app = Flask(__name__)
    app.secret_key = "unused"
    socketio = SocketIO(app, async_mode="gevent", json=PacketJson, async_handlers=async_handlers, manage_session=False)

    class Chat(Namespace):  # type: ignore[misc]
        """The handlers of the namespace."""

        def on_send(self, payload: Any) -> Any:
            return counter.handle(payload)

    socketio.on_namespace(Chat(NAMESPACE))
    handlers = handlers_of(socketio.server)
    sessions_of(engineio_of(socketio.server))["id"] = FakeSession()
    handlers.opened("id", create_environ("/socket.io/") | {"flask.app": app})
    handlers.packet("id", f"0{NAMESPACE},")
    return lambda: handlers.packet("id", PACKET)


def with_dispatcher(counter: Counter) -> Callable[[], None]:
    """A function that receives an event through `chatapp/sockets`."""

    def handle(_queue: ClientQueue, packet: Received) -> bool:
        event = decode_event(str(packet))
        encode_ack(event.ack_id, orjson.dumps(counter.handle(event.arguments[0])))
        return True

    dispatcher, queue = Dispatcher(handle), ClientQueue(None)
    return lambda: dispatcher.put(queue, PACKET)


def microseconds(counter: Counter, receive: Callable[[], None]) -> float:
    """The processor time of an event."""
    counter.handled = 0
    began = time.process_time()
    for _ in range(EVENTS // AT_ONCE):
        for _ in range(AT_ONCE):
            receive()
        gevent.sleep(0)
    while counter.handled < EVENTS:
        gevent.sleep(0)
    return (time.process_time() - began) / EVENTS * 1e6


def main() -> None:
    """Measure all ways in turns, and print the minimum of each."""
    counter = Counter()
    ways = {
        "Flask-SocketIO, a greenlet for each event": with_library(counter, async_handlers=True),
        "Flask-SocketIO, async_handlers=False": with_library(counter, async_handlers=False),
        "chatapp/sockets": with_dispatcher(counter),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, receive in ways.items():
            best[name] = min(best[name], microseconds(counter, receive))
    for name, cost in best.items():
        print(f"{cost:6.1f} µs  {name}")


if __name__ == "__main__":
    main()
