"""Which sessions a missing pong ends; a real server would take 45 seconds."""

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.sockets.heartbeat import Heartbeat
from chatapp.sockets.session import Session
from chatapp.sockets.transport import State


class Closed(Session):
    """A session that records its end."""

    ended = False

    def close(self, *, abort: bool = False, reason: str | None = None) -> None:
        self.ended = True


class FakeWebSocket:
    """The parts of a websocket that heartbeats use."""

    def __init__(self, *, paused: bool) -> None:
        self.paused = paused

    def write(self, _frame: bytes) -> None:
        """Send a ping."""


@pytest.fixture
def heartbeat() -> Heartbeat:
    """A heartbeat with the intervals of the server."""
    return Heartbeat(25, 20)


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch, heartbeat: Heartbeat) -> Callable[[], None]:
    """Runs the heartbeat, each time long after the previous one."""
    clock = itertools.count(1000.0, 100.0)
    now = [0.0]
    monkeypatch.setattr("chatapp.sockets.heartbeat.time", SimpleNamespace(monotonic=lambda: now[0]))

    def beat() -> None:
        now[0] = next(clock)
        heartbeat.beat()

    return beat


@pytest.fixture
def session(heartbeat: Heartbeat, beat: Callable[[], None]) -> Any:
    """A polling session with an outstanding ping."""
    server = SimpleNamespace(reason=SimpleNamespace(PING_TIMEOUT="ping timeout"))
    session = Closed(server, "sid", SimpleNamespace(), heartbeat)  # type: ignore[arg-type]
    session.connected = True
    session.schedule_ping()
    beat()
    assert not session.ended
    return session


def use_websocket(session: Any, *, paused: bool) -> Any:
    """Let a session use a websocket."""
    session.transport.state = State.WEBSOCKET
    session.transport._websocket = FakeWebSocket(paused=paused)
    return session.transport._websocket


@pytest.mark.parametrize("paused", [False, True])
def test_a_missing_pong_ends_a_websocket_only_while_the_server_reads_it(
    session: Any, beat: Callable[[], None], paused: bool
) -> None:
    use_websocket(session, paused=paused)
    beat()
    assert session.ended is (not paused)


def test_resumed_websocket_must_respond_to_pings(session: Any, beat: Callable[[], None]) -> None:
    websocket = use_websocket(session, paused=True)
    beat()
    websocket.paused = False
    beat()
    assert session.ended


def test_a_polling_session_whose_packets_are_being_handled_stays(session: Any, beat: Callable[[], None]) -> None:
    session.client_queue.running = True
    beat()
    assert not session.ended


def test_a_pong_postpones_the_end(session: Any, beat: Callable[[], None]) -> None:
    session.schedule_ping()
    for _ in range(3):
        beat()
        session.schedule_ping()
    assert not session.ended


@pytest.mark.parametrize("offset", [19.9, 10.3, 0.7])
@pytest.mark.parametrize("power", [14, 17, 20])
def test_missing_pong_ends_the_session_at_any_time(
    monkeypatch: pytest.MonkeyPatch, heartbeat: Heartbeat, power: int, offset: float
) -> None:
    """Sums of floating-point times round differently around powers of two."""
    now = 2.0**power - offset - 25
    monkeypatch.setattr("chatapp.sockets.heartbeat.time", SimpleNamespace(monotonic=lambda: now))
    server = SimpleNamespace(reason=SimpleNamespace(PING_TIMEOUT="ping timeout"))
    sessions = []
    for step in range(200):
        now = 2.0**power - offset - 25 + step / 1000
        session = Closed(server, "sid", SimpleNamespace(), heartbeat)  # type: ignore[arg-type]
        session.connected = True
        session.schedule_ping()
        sessions.append(session)
    for step in range(1, 600):
        now = 2.0**power - offset - 25 + step / 10
        heartbeat.beat()
    assert all(session.ended for session in sessions)
