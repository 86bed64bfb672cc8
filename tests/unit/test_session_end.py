"""What is in progress when a worker ends is no error."""

import gc
import weakref
from io import BytesIO
from types import SimpleNamespace

import gevent
from engineio import Server
from gevent.event import Event

from chatapp.sockets.dispatch import ClientQueue, Dispatcher, Packet
from chatapp.sockets.heartbeat import Heartbeat
from chatapp.sockets.session import Session


def test_post_that_is_killed_while_its_packets_are_handled_raises_nothing() -> None:
    started = Event()

    def handle(_queue: ClientQueue, _packet: Packet) -> bool:
        started.set()
        Event().wait()
        return True

    session = Session(SimpleNamespace(), "id", Dispatcher(handle), Heartbeat(25, 20))
    session.connected = True
    post = gevent.spawn(session.handle_post_request, {"wsgi.input": BytesIO(b"42[]")})
    assert started.wait(5)
    post.kill()
    assert post.value is None


def test_a_session_that_ended_needs_no_garbage_collection() -> None:
    server = SimpleNamespace(
        sockets={}, reason=Server.reason, _trigger_event=lambda *_, **__: None, _bad_request=lambda _: {}
    )
    gc.disable()
    try:
        session = Session(server, "id", Dispatcher(lambda _queue, _packet: True), Heartbeat(25, 20))
        session.connected = True
        session.close()
        ended = weakref.ref(session)
        del session
        assert ended() is None
    finally:
        gc.enable()
