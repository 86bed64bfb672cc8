"""Socket.IO transport: one table of events, each handled in the same steps.

    who (the socket's session) → how often → shape (the schema) → call (the action) → answer (the ack)

A socket's events are handled one after the other, in the order they came. No payload closes a connection or raises:
what is wrong is said in the ack, or in an `exception` event where none was asked for.
"""

import time
from collections.abc import Sequence
from typing import Any, Protocol

import gevent
import orjson
import structlog
from flask import Flask
from flask_socketio import Namespace, SocketIO
from gevent.event import AsyncResult
from socketio.exceptions import ConnectionRefusedError

from chatapp.core import limits, logs, metrics, settings
from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError, Json, Malformed, NotFound, TooLarge, Unauthenticated, Unavailable
from chatapp.core.identity import Actor
from chatapp.core.limits import Limit
from chatapp.core.schemas import load, validate_response
from chatapp.realtime.actors import read_settled, refresh_actor
from chatapp.realtime.client_events import ClientEvent, Outcome, RenewedSchema, RenewSchema
from chatapp.realtime.dispatch import ClientQueue, Dispatcher, Packet
from chatapp.realtime.packets import (
    MAX_PAYLOAD,
    NAMESPACE,
    TOO_LARGE,
    Event,
    decode_connect,
    decode_event,
    encode_ack,
    encode_connect_error,
    encode_event,
)
from chatapp.realtime.rooms import Connection, ListRooms, Position, rooms
from chatapp.realtime.session import MeasuredQueue, Session, install
from chatapp.realtime.unauthenticated import HELD
from chatapp.rest.bearer import Claims, FindActor, authenticate

log = structlog.get_logger()

CLIENT_MISTAKES = {
    "bad-jsonp-index",
    "bad-origin",
    "bad-sid",
    "bad-transport",
    "bad-upgrade",
    "bad-version",
    "not-connected",
    "unexpected-http",
}
# For a connection to present a token, and for a socket to renew one that has expired.
TOKEN_SECONDS = 10
RENEWAL_SECONDS = 50
# How often clients come to see whether the database is back.
RETRY_DELAY = 1.0

# A client's further sends, while earlier ones wait for their commit.
MAX_UNSETTLED = 64

FAILED = ChatError("Internal server error. The error was logged.")
NO_EVENT = Event(None, [], "")


class PresenceTracker(Protocol):
    """Counts the sockets of users."""

    def connected(self, actor: Actor) -> None:
        """Called before a socket opens; an exception refuses it."""

    def disconnected(self, actor: Actor, socket_id: str) -> None:
        """Called when a socket is closed and unsubscribed."""


class Gateway(Namespace):  # type: ignore[misc]
    """Everything that arrives in `/chat`: connections by way of Flask-SocketIO, their events straight from Engine.IO,
    since an action needs none of the request context that Flask-SocketIO builds for each."""

    def __init__(
        self,
        app: Flask,
        socketio: SocketIO,
        events: Sequence[ClientEvent],
        find_actor: FindActor,
        list_rooms: ListRooms,
        tracker: PresenceTracker,
    ) -> None:
        super().__init__(NAMESPACE)
        self._app = app
        self.events = (*events, ClientEvent("auth:renew", RenewSchema, self._renew, RenewedSchema, about_socket=True))
        self._events = {event.name: (event, event.schema()) for event in self.events}
        self._find_actor = find_actor
        self._list_rooms: Coalescer[str, dict[str, Position]] = Coalescer(
            lambda user_ids: list(map(list_rooms(user_ids).__getitem__, user_ids))
        )
        self._presence = tracker
        self._unauthenticated: dict[str, float] = {}
        metrics.sockets.set_function(rooms.__len__)
        # Those that are about to be let in, or not.
        self._connecting: set[str] = set()
        socketio.on_namespace(self)
        self._engineio = socketio.server.eio
        self._engineio.create_queue = MeasuredQueue
        self._dispatcher = Dispatcher(self._handle)
        install(self._dispatcher)
        self._handle_other_packet = socketio.server._handle_eio_message
        self._open_session = self._engineio.handlers["connect"]
        self._engineio.handlers["connect"] = self._session_opened
        # Mistakes of clients (a poll of a session that has ended), which Engine.IO would log as errors of the server.
        self._engineio.log_message_keys |= CLIENT_MISTAKES

    def trigger_event(self, event: str, *args: Any) -> None:
        """Called by python-socketio with ("connect", sid, environ, auth) and ("disconnect", sid, reason)."""
        if event == "connect":
            self._connect(*args)
        elif event == "disconnect":
            self._end(rooms.get(self.server.manager.eio_sid_from_sid(args[0], NAMESPACE)), args[1])

    def _session_opened(self, id: str, environ: Json) -> Any:
        """Called by Engine.IO for a new session: it goes on to count as a client without a token."""
        if held := environ.get(HELD):
            self._engineio.sockets[id].held = held.pop()
        # python-socketio keeps what it gets as long as the session, and nothing here asks for it.
        return self._open_session(id, {})

    def sweep(self) -> None:
        """End what has had its time: connections without a token, sockets whose token was not renewed (a background
        task, about once a second)."""
        now = time.time()
        for connection in rooms:
            if now > connection.expires_at + RENEWAL_SECONDS:
                connection.close("token expired")
        self._unauthenticated = {
            id: self._unauthenticated.get(id, now) for id in self._engineio.sockets if id not in rooms
        }
        for id, since in self._unauthenticated.items():
            session = self._engineio.sockets.get(id)
            # One that is busy may have presented its token: it is the server who is late.
            if session and session.client_queue.idle and now > since + TOKEN_SECONDS:
                session.abort()

    def _connect(self, sid: str, _environ: Json, auth: object = None) -> None:
        """Let a socket in; raises ConnectionRefusedError, which carries the problem to the client."""
        try:
            logs.about(socket_id=sid)
            id = self.server.manager.eio_sid_from_sid(sid, NAMESPACE)
            session = self._engineio.sockets.get(id)
            if session is None:
                raise ConnectionRefusedError  # It has left before its turn came.
            epoch = rooms.epoch
            actor, claims = self._authenticate(auth.get("token") if isinstance(auth, dict) else None)
            logs.about(socket_id=sid, user_id=actor.user_id)
            # Each connection costs writes and events of presence, also one that leaves at once.
            limits.hit(limits.Limit(settings.current().rate_events, "socket connects", actor.user_id))
            self._presence.connected(actor)
            connection = Connection(id, sid, session, actor, claims.expires_at, self._end)
            self._enter(connection)
            if epoch != rooms.epoch:
                refresh_actor(connection, self._find_actor)
            if id not in rooms:
                raise Unauthenticated("The session has ended. Log in again.")
            metrics.socket_connects.inc("ok")
            log.info("socket_connected")
        except ChatError as error:
            metrics.socket_connects.inc(error.code)
            log.info("socket_refused", code=error.code)
            if isinstance(error, Unavailable):
                # A client that is refused does not come again; one that loses its connection does, at once.
                gevent.sleep(RETRY_DELAY)
                session.abort()
            raise ConnectionRefusedError(error.detail, error.problem()) from None
        except ConnectionRefusedError:
            raise
        except Exception:
            metrics.socket_connects.inc(FAILED.code)
            log.exception("socket_connect_failed")
            raise ConnectionRefusedError(FAILED.detail, FAILED.problem()) from None

    def _enter(self, connection: Connection) -> None:
        """Have a connection hear its chats: from before its client learns that it is let in, so that it misses nothing
        of what happens after that."""
        rooms.add(connection)
        try:
            user_id = connection.actor.user_id
            rooms.fill(connection, self._list_rooms(user_id))
        except BaseException:
            self._end(connection, "refused")
            raise

    def _end(self, connection: Connection | None, why: str = "") -> None:
        """A socket is closed, or as good as closed: it hears nothing more."""
        if connection and rooms.remove(connection.id):
            log.info(
                "socket_disconnected",
                socket_id=connection.sid,
                user_id=connection.actor.user_id,
                reason="backlog exceeded" if connection.session.backlog_exceeded else connection.why or why,
                seconds=round(time.monotonic() - connection.since),
            )
            self._presence.disconnected(connection.actor, connection.id)

    def _authenticate(self, token: object) -> tuple[Actor, Claims]:
        """The actor and claims of a token; to be used before anything else is waited for."""
        with self._app.app_context():
            return read_settled(lambda: authenticate(token, self._find_actor))

    def _renew(self, connection: Connection, payload: Json) -> Json:
        """Replace the access token of the socket by a new one of the same user. Otherwise the socket is closed one minute after
        its token expired."""
        actor, claims = self._authenticate(payload["token"])
        if actor.user_id != connection.actor.user_id:
            raise Unauthenticated("The access token belongs to another user.")
        connection.actor, connection.expires_at = actor, claims.expires_at
        return {"expiresIn": max(0, int(claims.expires_at - time.time()))}

    def _handle(self, queue: ClientQueue, packet: Packet) -> bool:
        """Handle a client's next packet; false when that has to wait for what came before. Called by the dispatcher."""
        session = queue.owner
        connection = rooms.get(session.sid)
        event = NO_EVENT
        if connection and isinstance(packet, str) and packet[:1] not in ("0", "1"):
            event = decode_event(packet)
        if queue.unsettled and not (self._is_pipelined(event) and queue.unsettled < MAX_UNSETTLED):
            return False
        if session.refused:
            pass
        elif not isinstance(packet, str):
            pass  # The bytes of a binary event, which is answered without them.
        elif packet[:1] == "0":
            self._open_socket(session, packet)
        elif packet[:1] == "1":
            self._hand_on(session.sid, packet)
        elif connection:
            self._handle_event(queue, connection, event)
        if not connection:
            session.count_early_packet()
        session.handled()
        return True

    def _is_pipelined(self, event: Event) -> bool:
        known = self._events.get(event.name or "")
        return known is not None and known[0].pipelined

    def _open_socket(self, session: Session, packet: str) -> None:
        """Open a socket, or refuse it and close the connection; a socket that is open stays open."""
        id = session.sid
        namespace, auth = decode_connect(packet)
        error_packet = None
        if namespace != NAMESPACE:
            error_packet = encode_connect_error(namespace)
        elif id in rooms or id in self._connecting:
            return
        elif not _is_json(auth or "{}"):
            error = Malformed("The CONNECT packet is not valid JSON.", code="malformed_packet")
            error_packet = encode_connect_error(namespace, error)
        else:
            self._connecting.add(id)
            try:
                self._hand_on(id, packet)
            finally:
                self._connecting.discard(id)
        if error_packet:
            self._engineio.send(id, error_packet)
        if id not in self._engineio.sockets:
            # It left meanwhile, and python-socketio passes over the end of what is not connected yet.
            self.server._handle_eio_disconnect(id, self._engineio.reason.CLIENT_DISCONNECT)
        elif not (connection := rooms.get(id)):
            session.refuse()
        elif not error_packet:
            session.authenticated()
            connection.open()

    def _hand_on(self, id: str, packet: str) -> None:
        """Leave CONNECT and DISCONNECT to python-socketio."""
        try:
            self._handle_other_packet(id, packet)
        except Exception as error:
            log.info("malformed_packet", error=type(error).__name__)

    def _handle_event(self, queue: ClientQueue, connection: Connection, event: Event) -> None:
        """Do what an event asks for and acknowledge it, at once or when its outcome is known."""
        outcome: Outcome = None
        failure: BaseException | None = None
        began = time.perf_counter()
        logs.about(socket_id=connection.sid, user_id=connection.actor.user_id)
        try:
            outcome = self._perform(connection, event)
        except Exception as error:
            failure = error
        if not isinstance(outcome, AsyncResult):
            self._acknowledge(connection, event, began, outcome, failure)
            return

        def settle(later: "AsyncResult[Json]") -> None:
            self._acknowledge(connection, event, began, later.value, later.exception)
            self._dispatcher.settle(queue)

        queue.unsettled += 1
        outcome.rawlink(settle)

    def _acknowledge(
        self,
        connection: Connection,
        event: Event,
        began: float,
        data: Json | None,
        failure: BaseException | None,
    ) -> None:
        """Say what came of an event; never blocks."""
        if not failure and settings.current().validate_responses:
            failure = self._deviation(event, data)
        ack: Json = {"ok": True, "data": data}
        outcome = "ok"
        if failure:
            if not isinstance(failure, ChatError):
                log.error("event_failed", event_name=event.name, exc_info=failure)
                failure = FAILED
            ack = {"ok": False, "error": failure.problem()}
            outcome = failure.code
        if event.ack_id:
            connection.send(encode_ack(event.ack_id, ack))
        elif failure:
            connection.send(encode_event("exception", ack["error"]))
        name = event.name if event.name in self._events else "unknown"
        metrics.socket_events.inc(name, outcome)
        metrics.socket_event_seconds.observe(time.perf_counter() - began, name)

    def _deviation(self, event: Event, data: Json | None) -> AssertionError | None:
        """How an ack differs from what is documented, if it does."""
        known, _ = self._events[event.name or ""]
        try:
            if known.returns:
                validate_response(known.returns, orjson.loads(orjson.dumps(data)))
        except AssertionError as error:
            return error
        return None

    def _perform(self, connection: Connection, event: Event) -> Outcome:
        limits.hit(Limit(settings.current().rate_events, "socket events", connection.actor.user_id))
        # Ended sessions and changed accounts are events of other workers: while the bus is disconnected the database
        # is asked each time.
        if rooms.bus_disconnected:
            refresh_actor(connection, self._find_actor)
        if connection.id not in rooms:
            raise Unauthenticated("The session has ended. Log in again.")
        actor = connection.actor
        if event.name is None:
            raise Malformed("The packet is not an event.", code="malformed_packet")
        if event.name == TOO_LARGE:
            raise TooLarge(f"Payloads can be up to {MAX_PAYLOAD // 1024} KiB.", code="payload_too_large")
        if event.name not in self._events:
            raise NotFound("Unknown event.", code="unknown_event")
        known, schema = self._events[event.name]
        payload = load(schema, event.arguments[0] if event.arguments else None)
        return known.handler(connection if known.about_socket else actor, payload)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True
