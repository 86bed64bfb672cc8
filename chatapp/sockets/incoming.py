"""Handles the packets that clients send. Each event takes the same steps:

    decode → rate-limit → check the session → validate (the schema) → call (the action) → ack

An invalid payload neither closes the connection nor raises: the error is sent in the ack, or in an `exception` event if
no ack was requested.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
import structlog

from chatapp.core import audit, limits, logs, metrics, private_ids, settings
from chatapp.core.batching import Result
from chatapp.core.errors import ChatError, Malformed, NotFound, TooLarge, Unauthenticated
from chatapp.core.identity import Actor
from chatapp.core.json_input import decode_json
from chatapp.core.schemas import loader_of, validate_response
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.sockets.client_events import ClientEvent, Outcome
from chatapp.sockets.connection import SocketConnection, State
from chatapp.sockets.dispatch import ClientQueue, Dispatcher, Packet
from chatapp.sockets.packets import EVENT_HEAD, MAX_PAYLOAD, TOO_LARGE, encode_ack, encode_failure
from chatapp.sockets.session import Session, Stage

log = structlog.get_logger()

# Pipelined events of a client, while earlier ones wait for their outcome.
MAX_UNSETTLED = 64

FAILED = ChatError("Internal server error. The error was logged.")


class Event(NamedTuple):
    """An event of a client; `name` is None if the packet is malformed.

    `ack_id` is the number of the requested ack, "" if none was requested.
    """

    name: str | None
    arguments: list[Any]
    ack_id: str


NO_EVENT = Event(None, [], "")


class Connector(Protocol):
    """Opens and closes sockets."""

    def open_socket(self, session: Session, packet: str) -> None:
        """Handle a CONNECT packet."""

    def leave(self, session: Session, packet: str) -> None:
        """Handle a DISCONNECT packet."""


class PacketHandler:
    """Handles the packets of all clients of this worker. `refresh` updates the actor of a connection."""

    def __init__(
        self, events: Sequence[ClientEvent], connector: Connector, refresh: Callable[[SocketConnection], None]
    ) -> None:
        self._events = {event.name: (event, loader_of(event.schema())) for event in events}
        self._settings = settings.current()
        self._view = view()
        self._connection_of: Callable[[str], SocketConnection | None] = rooms().get  # type: ignore[assignment]
        self._connector = connector
        self._refresh = refresh
        self.dispatcher = Dispatcher(self._handle)

    def _handle(self, queue: ClientQueue, packet: Packet) -> bool:
        """Handle a client's next packet; False if it has to wait for earlier ones. Called by the dispatcher."""
        session: Session | None = queue.owner
        if session is None:
            return True
        connection = self._connection_of(session.sid)
        event = NO_EVENT
        if connection and isinstance(packet, str) and packet[:1] not in ("0", "1"):
            event = decode_event(packet)
        if queue.unsettled and not (self._is_pipelined(event) and queue.unsettled < MAX_UNSETTLED):
            return False
        if session.stage is Stage.REFUSED:
            pass
        elif not isinstance(packet, str):
            pass  # An attachment of a binary event, which is handled without it.
        elif packet[:1] == "0":
            self._connector.open_socket(session, packet)
        elif packet[:1] == "1":
            self._connector.leave(session, packet)
        elif connection:
            self._handle_event(queue, connection, event)
        if not connection:
            session.count_early_packet()
        session.handled()
        return True

    def _is_pipelined(self, event: Event) -> bool:
        known = self._events.get(event.name or "")
        return known is not None and known[0].pipelined

    def _handle_event(self, queue: ClientQueue, connection: SocketConnection, event: Event) -> None:
        """Handle an event and acknowledge it, at once or when its outcome is known."""
        began = time.perf_counter()
        logs.about(socket_id=connection.sid, user_id=connection.actor.user_id)
        try:
            outcome = self._perform(connection, event)
        except Exception as error:
            self._fail(connection, event, began, error)
            return
        if not isinstance(outcome, Result):
            self._acknowledge(connection, event, began, orjson.dumps(outcome))
            return

        def settle() -> None:
            try:
                if outcome.error:
                    self._fail(connection, event, began, outcome.error)
                else:
                    self._acknowledge(connection, event, began, outcome.json())
            finally:
                self.dispatcher.settle(queue)

        queue.unsettled += 1
        outcome.then(settle)

    def _perform(self, connection: SocketConnection, event: Event) -> Outcome:
        self._count_call(connection.actor, event)
        # Ended sessions and changed accounts are events of other workers: while the bus is disconnected, the database is
        # queried each time.
        if not self._view.connected:
            self._refresh(connection)
        if connection.state is State.CLOSED:
            raise Unauthenticated("The session has ended. Log in again.")
        if event.name is None:
            raise Malformed("The packet is not an event.", code="malformed_packet")
        if event.name == TOO_LARGE:
            raise TooLarge(f"Payloads can be up to {MAX_PAYLOAD // 1024} KiB.", code="payload_too_large")
        if event.name not in self._events:
            raise NotFound("Unknown event.", code="unknown_event")
        known, load = self._events[event.name]
        payload = load(event.arguments[0] if event.arguments else None)
        if not known.pipelined:
            audit.caller_address.set(connection.session.address)
        return known.handler(connection if known.about_socket else connection.actor, **payload)

    def _count_call(self, actor: Actor, event: Event) -> None:
        """Count an event against the rate limit; raises RateLimited."""
        known, _ = self._events.get(event.name or "", (None, None))
        if actor.acting:
            limits.hit_key(str(actor.acting.id), self._settings.rate_server)
        elif known and known.own_limit:
            action, rate = known.own_limit
            limits.hit_user(action, f"user {actor.user_id}", rate(self._settings))
        else:
            limits.hit_user("socket events", actor.user_id, self._settings.rate_events)

    def _acknowledge(self, connection: SocketConnection, event: Event, began: float, data: bytes) -> None:
        """Send the ack of an event that succeeded; `data` is JSON. Never blocks."""
        if self._settings.validate_responses and (deviation := self._deviation(event, data)):
            self._fail(connection, event, began, deviation)
            return
        if event.ack_id:
            if private_ids.hides_from(connection.actor, self._events[event.name or ""][0].returns):
                data = private_ids.visible_to(connection.actor, data)
            connection.send(encode_ack(event.ack_id, data))
        self._count(event, began, "ok")

    def _fail(self, connection: SocketConnection, event: Event, began: float, error: BaseException) -> None:
        """Send the error of an event that failed. Never blocks."""
        if not isinstance(error, ChatError):
            log.error("event_failed", event_name=event.name, exc_info=error)
            error = FAILED
        connection.send(encode_failure(event.ack_id, error.problem()))
        self._count(event, began, error.code)

    def _count(self, event: Event, began: float, outcome: str) -> None:
        name = event.name if event.name in self._events else "unknown"
        metrics.socket_events.inc(name, outcome)
        metrics.socket_event_seconds.observe(time.perf_counter() - began, name)

    def _deviation(self, event: Event, data: bytes) -> AssertionError | None:
        """The difference between an ack and its documented schema, if any."""
        known, _ = self._events[event.name or ""]
        try:
            if known.returns:
                validate_response(known.returns, orjson.loads(data))
        except AssertionError as error:
            return error
        return None


def decode_event(packet: str) -> Event:
    """The event of an encoded packet."""
    head = EVENT_HEAD.match(packet)
    if not head:
        return NO_EVENT
    try:
        decoded = decode_json(packet[head.end() :])
    except ValueError:
        decoded = None
    if not isinstance(decoded, list) or not decoded or not isinstance(decoded[0], str):
        return Event(None, [], head[1])
    return Event(decoded[0], decoded[1:], head[1])
