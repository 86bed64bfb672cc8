"""Which sessions a missing pong ends; a real server would take 45 seconds."""

import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.sockets.session import MeasuredQueue, Session


class Closed(Session):
    """A session that records its end."""

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        self.closed = True


class FakeWebSocket:
    """The parts of a websocket that heartbeats use."""

    def __init__(self, *, paused: bool) -> None:
        self.paused = paused


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Runs the heartbeat, each time long after the previous one."""
    clock = itertools.count(1000.0, 100.0)
    now = [0.0]
    monkeypatch.setattr("chatapp.sockets.session.time", SimpleNamespace(monotonic=lambda: now[0]))

    def beat() -> None:
        now[0] = next(clock)
        Session.heartbeat()

    return beat


@pytest.fixture
def session(beat: Callable[[], None]) -> Iterator[Any]:
    """A session with an outstanding ping."""
    server = SimpleNamespace(
        create_queue=MeasuredQueue,
        get_queue_empty_exception=lambda: None,
        ping_interval=25,
        ping_timeout=20,
        reason=SimpleNamespace(PING_TIMEOUT="ping timeout"),
    )
    session = Closed(server, "sid")
    session.last_ping = 0.0
    session.schedule_ping()
    beat()
    assert not session.closed
    yield session
    Session._due.clear()
    Session._overdue.clear()


@pytest.mark.parametrize("paused", [False, True])
def test_a_missing_pong_ends_a_websocket_only_while_the_server_reads_it(
    session: Any, beat: Callable[[], None], paused: bool
) -> None:
    session.websocket = FakeWebSocket(paused=paused)
    beat()
    assert session.closed is (not paused)


def test_resumed_websocket_must_respond_to_pings(session: Any, beat: Callable[[], None]) -> None:
    session.websocket = FakeWebSocket(paused=True)
    beat()
    session.websocket.paused = False
    beat()
    assert session.closed


def test_a_polling_session_whose_packets_are_being_handled_stays(session: Any, beat: Callable[[], None]) -> None:
    session.client_queue.running = True
    beat()
    assert not session.closed
