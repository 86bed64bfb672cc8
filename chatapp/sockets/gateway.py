"""Socket.IO transport: one table of events, each handled in the same steps.

    authenticate (the socket's session) → rate-limit → validate (the schema) → call (the action) → ack

The events of a socket are handled in order. An invalid payload neither closes the connection nor raises: the error is
sent in the ack, or in an `exception` event if no ack was requested.
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

from chatapp.compat.engineio import ignore_client_mistakes, sessions_of
from chatapp.compat.socketio import engineio_of, handlers_of, session_id_of
from chatapp.core import limits, logs, metrics, settings
from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError, Json, Malformed, NotFound, TooLarge, Unauthenticated, Unavailable
from chatapp.core.identity import Actor, Claims, Verifier
from chatapp.core.limits import Limit
from chatapp.core.schemas import load, validate_response
from chatapp.fanout.rooms import ListRooms, Position, rooms
from chatapp.fanout.view import view
from chatapp.sockets.actors import read_settled, refresh_actor
from chatapp.sockets.client_events import ClientEvent, Outcome, RenewedSchema, RenewSchema
from chatapp.sockets.connection import SocketConnection, connection_of
from chatapp.sockets.dispatch import ClientQueue, Dispatcher, Packet
from chatapp.sockets.packets import (
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
from chatapp.sockets.session import Session, install
from chatapp.sockets.unauthenticated import HELD

log = structlog.get_logger()

# For a connection to authenticate, and for a socket to renew an expired token.
TOKEN_SECONDS = 10
RENEWAL_SECONDS = 50
# Delay after which a client retries while the database is unavailable.
RETRY_DELAY = 1.0

# Pipelined sends of a client, while earlier ones wait for their commit.
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
    """The namespace `/chat`: connections arrive through Flask-SocketIO, events directly from Engine.IO, since actions
    need none of the request context that Flask-SocketIO builds for each event."""

    def __init__(
        self,
        app: Flask,
        socketio: SocketIO,
        events: Sequence[ClientEvent],
        tokens: Verifier,
        list_rooms: ListRooms,
        tracker: PresenceTracker,
    ) -> None:
        super().__init__(NAMESPACE)
        self._app = app
        self.events = (*events, ClientEvent("auth:renew", RenewSchema, self._renew, RenewedSchema, about_socket=True))
        self._events = {event.name: (event, event.schema()) for event in self.events}
        self._tokens = tokens
        self._list_rooms: Coalescer[str, dict[str, Position]] = Coalescer(
            lambda user_ids: list(map(list_rooms(user_ids).__getitem__, user_ids))
        )
        self._presence = tracker
        self._unauthenticated: dict[str, float] = {}
        metrics.sockets.set_function(rooms.__len__)
        # Sockets whose CONNECT is being handled.
        self._connecting: set[str] = set()
        socketio.on_namespace(self)
        self._engineio = engineio_of(socketio.server)
        self._sessions = sessions_of(self._engineio)
        self._dispatcher = Dispatcher(self._handle)
        install(self._engineio, self._dispatcher)
        ignore_client_mistakes(self._engineio)
        self._library = handlers_of(socketio.server)
        self._engineio.on("connect", self._session_opened)

    def trigger_event(self, event: str, *args: Any) -> None:
        """Called by python-socketio with ("connect", sid, environ, auth) and ("disconnect", sid, reason)."""
        if event == "connect":
            self._connect(*args)
        elif event == "disconnect":
            self._end(connection_of(session_id_of(self.server, args[0], NAMESPACE)), args[1])

    def _session_opened(self, id: str, environ: Json) -> Any:
        """Called by Engine.IO for a new session, which counts as unauthenticated."""
        if held := environ.get(HELD):
            self._sessions[id].held = held.pop()
        # python-socketio would keep the environ as long as the session; nothing here uses it.
        return self._library.opened(id, {})

    def sweep(self) -> None:
        """Close connections that did not authenticate in time, and sockets whose token was not renewed (a background
        task, about once a second)."""
        now = time.time()
        for connection in map(connection_of, rooms.ids()):
            if connection and now > connection.expires_at + RENEWAL_SECONDS:
                connection.close("token expired")
        self._unauthenticated = {id: self._unauthenticated.get(id, now) for id in self._sessions if id not in rooms}
        for id, since in self._unauthenticated.items():
            session = self._sessions.get(id)
            # A busy session may have sent its token: then the server is late.
            if session and session.client_queue.idle and now > since + TOKEN_SECONDS:
                session.abort()

    def _connect(self, sid: str, _environ: Json, auth: object = None) -> None:
        """Authenticate and open a socket; raises ConnectionRefusedError with the problem."""
        try:
            logs.about(socket_id=sid)
            id = session_id_of(self.server, sid, NAMESPACE)
            session: Any = self._sessions.get(id)
            if session is None:
                raise ConnectionRefusedError  # The client left before its CONNECT was handled.
            epoch = view.epoch
            actor, claims = self._authenticate(auth.get("token") if isinstance(auth, dict) else None)
            logs.about(socket_id=sid, user_id=actor.user_id)
            # Each connection writes presence and emits its events, even one that leaves at once.
            limits.hit(limits.Limit(settings.current().rate_events, "socket connects", actor.user_id))
            self._presence.connected(actor)
            connection = SocketConnection(id, sid, session, actor, claims.expires_at, self._end)
            self._enter(connection)
            if epoch != view.epoch:
                refresh_actor(connection, self._tokens.find_actor)
            if id not in rooms:
                raise Unauthenticated("The session has ended. Log in again.")
            metrics.socket_connects.inc("ok")
            log.info("socket_connected")
        except ChatError as error:
            metrics.socket_connects.inc(error.code)
            log.info("socket_refused", code=error.code)
            if isinstance(error, Unavailable):
                # A refused client does not reconnect; one that loses its connection does.
                gevent.sleep(RETRY_DELAY)
                session.abort()
            raise ConnectionRefusedError(error.detail, error.problem()) from None
        except ConnectionRefusedError:
            raise
        except Exception:
            metrics.socket_connects.inc(FAILED.code)
            log.exception("socket_connect_failed")
            raise ConnectionRefusedError(FAILED.detail, FAILED.problem()) from None

    def _enter(self, connection: SocketConnection) -> None:
        """Subscribe a connection to its chats before the client learns that it is connected, so that no event is
        missed."""
        rooms.add(connection)
        try:
            user_id = connection.actor.user_id
            rooms.fill(connection, self._list_rooms(user_id))
        except BaseException:
            self._end(connection, "refused")
            raise

    def _end(self, connection: SocketConnection | None, why: str = "") -> None:
        """Clean up a closed socket."""
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
        """The actor and claims of a token; use them before waiting for anything else."""
        with self._app.app_context():
            return read_settled(lambda: self._tokens.authenticate(token))

    def _renew(self, connection: SocketConnection, payload: Json) -> Json:
        """Replace the access token of the socket by a new one of the same user. Otherwise the socket is closed one minute after
        its token expired."""
        actor, claims = self._authenticate(payload["token"])
        if actor.user_id != connection.actor.user_id:
            raise Unauthenticated("The access token belongs to another user.")
        connection.actor, connection.expires_at = actor, claims.expires_at
        return {"expiresIn": max(0, int(claims.expires_at - time.time()))}

    def _handle(self, queue: ClientQueue, packet: Packet) -> bool:
        """Handle a client's next packet; False if it has to wait for earlier ones. Called by the dispatcher."""
        session = queue.owner
        connection = connection_of(session.sid)
        event = NO_EVENT
        if connection and isinstance(packet, str) and packet[:1] not in ("0", "1"):
            event = decode_event(packet)
        if queue.unsettled and not (self._is_pipelined(event) and queue.unsettled < MAX_UNSETTLED):
            return False
        if session.refused:
            pass
        elif not isinstance(packet, str):
            pass  # An attachment of a binary event, which is handled without it.
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
        """Open a socket, or send an error and close the connection; an open socket stays open."""
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
        if id not in self._sessions:
            # The client left meanwhile; python-socketio ignores the end of a connection that is not open yet.
            self._library.ended(id, self._engineio.reason.CLIENT_DISCONNECT)
        elif not (connection := connection_of(id)):
            session.refuse()
        elif not error_packet:
            session.authenticated()
            connection.open()

    def _hand_on(self, id: str, packet: str) -> None:
        """Let python-socketio handle CONNECT and DISCONNECT."""
        try:
            self._library.packet(id, packet)
        except Exception as error:
            log.info("malformed_packet", error=type(error).__name__)

    def _handle_event(self, queue: ClientQueue, connection: SocketConnection, event: Event) -> None:
        """Handle an event and acknowledge it, at once or when its outcome is known."""
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
        connection: SocketConnection,
        event: Event,
        began: float,
        data: Json | None,
        failure: BaseException | None,
    ) -> None:
        """Send the ack and count the event; never blocks."""
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
        """The difference between an ack and its documented schema, if any."""
        known, _ = self._events[event.name or ""]
        try:
            if known.returns:
                validate_response(known.returns, orjson.loads(orjson.dumps(data)))
        except AssertionError as error:
            return error
        return None

    def _perform(self, connection: SocketConnection, event: Event) -> Outcome:
        limits.hit(Limit(settings.current().rate_events, "socket events", connection.actor.user_id))
        # Ended sessions and changed accounts are events of other workers: while the bus is disconnected, the database is
        # queried each time.
        if not view.connected:
            refresh_actor(connection, self._tokens.find_actor)
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
