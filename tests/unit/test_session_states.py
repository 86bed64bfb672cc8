"""A session in any order of what its client, its server and time can do to it.

The session, its transport and its heartbeat are the real ones; the websocket and the library's server are not.
"""

import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from engineio import Server
from engineio.packet import MESSAGE
from gevent.event import Event
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans

from chatapp.compat.engineio import EngineIOError
from chatapp.compat.gunicorn import CONNECTION
from chatapp.server.frames import payload_of
from chatapp.server.turns import turns
from chatapp.server.websocket import MAX_BACKLOG
from chatapp.sockets import session as sessions
from chatapp.sockets import transport as transports
from chatapp.sockets.dispatch import ClientQueue, Dispatcher, Packet
from chatapp.sockets.heartbeat import UPGRADE_TIMEOUT, Heartbeat
from chatapp.sockets.packets import EncodedPacket
from chatapp.sockets.session import MAX_EARLY_PACKETS, Session, Stage
from chatapp.sockets.transport import State

UPGRADE = {"HTTP_UPGRADE": "websocket", CONNECTION: SimpleNamespace()}


class FakeWebSocket:
    """A websocket whose client receives everything at once."""

    client: "AnyOrder"

    def __init__(self, _connection: Any, _max_size: int) -> None:
        self.received: Callable[[str | bytes], None]
        self.ended: Callable[[], None]
        self.open = True
        self.backlog_exceeded = self.paused = False
        self.client.websockets.append(self)

    def start(self, _early: bytes) -> None:
        """Start reading."""

    def allow(self, _max_size: int) -> None:
        """Allow larger messages."""

    def write(self, frame: bytes) -> None:
        """Send a frame, or the response to the handshake."""
        assert self.open
        if not frame.startswith(b"HTTP"):
            self.client.receive(payload_of(frame).decode())

    def pause(self) -> None:
        """Stop reading."""
        self.paused = True

    def resume(self) -> None:
        """Read again."""
        self.paused = False

    def close(self) -> None:
        """End the connection with a closing frame."""
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        if self.open:
            self.open = False
            self.ended()


class Slot:
    """The slot of an unauthenticated client."""

    releases = 0

    def release(self) -> None:
        """Count the release."""
        self.releases += 1


class AnyOrder(RuleBasedStateMachine):
    """One session, its client and its server."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.now = 0.0
        self.timers: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.patch.setattr("chatapp.sockets.heartbeat.time", SimpleNamespace(monotonic=lambda: self.now))
        self.patch.setattr("gevent.spawn_later", lambda _seconds, work, *args: self.timers.append((work, args)))
        # Without waiting for new data from the network.
        self.patch.setattr(turns, "start", lambda _kind, work: gevent.spawn(work))
        self.patch.setattr(transports, "WebSocketConnection", type("Ours", (FakeWebSocket,), {"client": self}))
        self.patch.setattr(transports, "handshake_response", lambda _environ: b"HTTP/1.1 101\r\n\r\n")
        self.patch.setattr(transports, "take_read_ahead_of", lambda _environ: b"")
        self.websockets: list[FakeWebSocket] = []
        self.polls: list[gevent.Greenlet] = []
        self.numbers = itertools.count()
        # Numbers of the messages that were sent before the end, and of those that the client received.
        self.sent: list[int] = []
        self.received: list[int] = []
        self.handled: list[Packet] = []
        self.ends: list[str] = []
        self.may_end = Event()
        self.stages: list[Stage] = []
        self.slot = Slot()
        self.server = SimpleNamespace(
            sockets={}, reason=Server.reason, _trigger_event=self.run_disconnect_handlers, _bad_request=lambda _: {}
        )
        self.heartbeat = Heartbeat(25, 20)
        self.session = Session(self.server, "id", Dispatcher(self.handle), self.heartbeat)
        self.session.held = self.slot  # type: ignore[assignment]
        self.server.sockets["id"] = self.session

    def teardown(self) -> None:
        """End what waits."""
        self.may_end.set()
        self.turn()
        gevent.killall(self.polls)
        self.patch.undo()

    def handle(self, _queue: ClientQueue, packet: Packet) -> bool:
        """Handle a packet of the client."""
        self.handled.append(packet)
        self.session.handled()
        return True

    def run_disconnect_handlers(self, _event: str, _sid: str, reason: str, **_options: object) -> None:
        """The disconnect handlers, which may wait for the database."""
        self.ends.append(reason)
        self.may_end.wait()

    def receive(self, packet: str) -> None:
        """Called for everything that reaches the client."""
        if packet.startswith("42"):
            self.received.append(int(packet[2:].strip("[]x")))

    @property
    def served(self) -> bool:
        """True if the library hands requests of the client to the session."""
        session = self.server.sockets.get("id")
        return session is not None and session.connected and not session.closed and not session.upgraded

    @property
    def websocket(self) -> FakeWebSocket | None:
        """The open websocket, if any."""
        return next((websocket for websocket in self.websockets if websocket.open), None)

    @staticmethod
    def turn() -> None:
        """Let the event loop run what is ready."""
        for _ in range(4):
            gevent.sleep(0)

    @precondition(lambda self: not self.session.connected and not self.session.closed)
    @rule()
    def complete_polling_handshake(self) -> None:
        self.session.schedule_ping()
        self.session.connected = True

    @precondition(lambda self: not self.session.connected and not self.session.closed)
    @rule()
    def use_websocket_at_once(self) -> None:
        self.session.schedule_ping()
        self.open_websocket()

    @precondition(lambda self: self.served)
    @rule()
    def open_websocket(self) -> None:
        polled, before = self.session.transport.state in (State.NEW, State.POLLING), len(self.websockets)
        try:
            self.session.handle_get_request(UPGRADE, None)
        except StopIteration:
            assert polled
        assert len(self.websockets) - before == polled

    @rule(size=booleans())
    def send(self, size: bool) -> None:
        number = next(self.numbers)
        if not self.session.closed and self.session.transport.state is not State.ENDED:
            self.sent.append(number)
        self.session.transport.send_encoded(EncodedPacket(b"2[%d]" % number + b"x" * (500_000 * size)))
        self.turn()

    @precondition(lambda self: self.served)
    @rule()
    def poll(self) -> None:
        def wait() -> None:
            try:
                packets = self.session.handle_get_request({}, None)
            except EngineIOError:
                return
            assert packets
            for packet in packets:
                self.receive(packet.encode() if packet.packet_type == MESSAGE else "")

        self.polls.append(gevent.spawn(wait))
        self.turn()

    @precondition(lambda self: self.served)
    @rule()
    def post(self) -> None:
        self.session._take("4hello")
        self.turn()

    @precondition(lambda self: self.websocket)
    @rule(packet=booleans())
    def probe(self, packet: bool) -> None:
        assert self.websocket
        self.websocket.received("2probe" if packet else "5")
        self.turn()

    @precondition(lambda self: self.websocket)
    @rule()
    def send_on_websocket(self) -> None:
        assert self.websocket
        self.websocket.received("4hello")
        self.turn()

    @precondition(lambda self: self.websocket)
    @rule(backlog=booleans())
    def lose_websocket(self, backlog: bool) -> None:
        assert self.websocket
        self.websocket.backlog_exceeded = backlog
        self.websocket.abort()
        self.turn()

    @rule()
    def pong(self) -> None:
        self.session.schedule_ping()

    @rule()
    def leave(self) -> None:
        self.session._take("1")
        self.turn()

    @rule()
    def authenticate(self) -> None:
        self.session.authenticated()

    @rule()
    def refuse(self) -> None:
        gevent.spawn(self.session.refuse)
        self.turn()

    @rule()
    def send_too_much_early(self) -> None:
        for _ in range(MAX_EARLY_PACKETS + 1):
            self.session.count_early_packet()
        self.turn()

    @rule(abort=booleans())
    def close(self, abort: bool) -> None:
        gevent.spawn(self.session.close, abort=abort)
        self.turn()

    @rule()
    def finish_disconnect_handlers(self) -> None:
        self.may_end.set()
        self.turn()

    @rule(seconds=booleans())
    def let_time_pass(self, seconds: bool) -> None:
        self.now += 50 if seconds else UPGRADE_TIMEOUT + 1
        gevent.spawn(self.heartbeat.beat)
        timers, self.timers = self.timers, []
        for work, args in timers:
            gevent.spawn(work, *args)
        self.turn()

    @invariant()
    def ends_once(self) -> None:
        stage = self.session.stage
        assert len(self.ends) == (stage in (Stage.CLOSING, Stage.CLOSED))
        assert ("id" in self.server.sockets) == (stage is not Stage.CLOSED)
        self.stages.append(stage)
        assert self.stages == sorted(self.stages, key=list(Stage).index)

    @invariant()
    def releases_the_slot_once(self) -> None:
        is_over = {Stage.AUTHENTICATED, Stage.CLOSED} & set(self.stages)
        assert self.slot.releases == bool(is_over)

    @invariant()
    def delivers_in_order_and_nothing_after_the_end(self) -> None:
        assert self.received == self.sent[: len(self.received)]
        if self.session.transport.state is State.WEBSOCKET:
            assert self.received == self.sent

    @invariant()
    def has_a_websocket_only_in_its_states(self) -> None:
        assert sum(websocket.open for websocket in self.websockets) <= 1
        state = self.session.transport.state
        with_websocket = {State.PROBING, State.UPGRADING, State.WEBSOCKET, State.ENDING}
        assert state not in with_websocket or self.websocket
        assert state not in (State.NEW, State.POLLING) or not self.websocket


AnyOrder.TestCase.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)
TestSession = AnyOrder.TestCase


@pytest.fixture
def machine() -> Iterator[AnyOrder]:
    """A session on which the steps of a test are taken."""
    machine = AnyOrder()
    yield machine
    machine.teardown()


def test_upgrade_delivers_what_waited_for_a_poll(machine: AnyOrder) -> None:
    machine.complete_polling_handshake()
    machine.open_websocket()
    machine.probe(True)
    machine.send(False)
    machine.send(False)
    machine.probe(False)
    assert (machine.session.transport.state, machine.received) == (State.WEBSOCKET, [0, 1])


def test_client_that_is_being_upgraded_learns_of_the_end(machine: AnyOrder) -> None:
    machine.complete_polling_handshake()
    machine.open_websocket()
    machine.probe(True)
    machine.send(False)
    machine.may_end.set()
    machine.close(False)
    machine.send(False)
    machine.probe(False)
    assert not machine.websockets[0].open
    assert machine.received == [0]


def test_failed_upgrade_returns_to_polling(machine: AnyOrder) -> None:
    machine.complete_polling_handshake()
    for _ in range(2):
        machine.open_websocket()
        machine.probe(True)
        machine.lose_websocket(False)
        assert machine.session.transport.state is State.POLLING
    assert not machine.ends


def test_poll_ends_with_the_session(machine: AnyOrder) -> None:
    machine.complete_polling_handshake()
    machine.poll()
    machine.may_end.set()
    machine.close(True)
    assert machine.polls[0].ready()


def test_upgrade_ends_all_polls(machine: AnyOrder) -> None:
    """A client repeats a poll after a lost connection that the server has not noticed."""
    machine.complete_polling_handshake()
    machine.poll()
    machine.poll()
    machine.open_websocket()
    machine.probe(True)
    machine.probe(False)
    assert all(poll.ready() for poll in machine.polls)
    assert machine.session.transport.state is State.WEBSOCKET
    assert not machine.ends


def test_backlog_of_a_polling_client_ends_it(machine: AnyOrder) -> None:
    machine.complete_polling_handshake()
    for _ in range(MAX_BACKLOG // 500_000 + 2):
        machine.send(True)
    assert machine.ends == [transports.BACKLOG_EXCEEDED]


@pytest.mark.parametrize("transitions", [sessions.TRANSITIONS, transports.TRANSITIONS])
def test_every_state_can_reach_the_last_one(transitions: dict[Any, set[Any]]) -> None:
    last = [state for state, following in transitions.items() if not following]
    assert len(last) == 1
    reaching = set(last)
    for _ in transitions:
        reaching |= {state for state, following in transitions.items() if following & reaching}
    assert reaching == set(transitions)
