"""The namespace `/chat`: opens sockets, closes them, and renews their tokens.

Events are handled in `incoming.py`.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import gevent
import orjson
import structlog
from flask import Flask
from flask_socketio import Namespace, SocketIO
from marshmallow import ValidationError
from socketio.exceptions import ConnectionRefusedError

from chatapp.compat.engineio import create_sessions, ignore_client_mistakes, sessions_of
from chatapp.compat.socketio import engineio_of, handlers_of, session_id_of
from chatapp.core import addresses, api_keys, application, limits, logs, metrics, settings
from chatapp.core.api_keys import looks_like_key
from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError, Forbidden, Json, Malformed, NotFound, Unauthenticated, Unavailable
from chatapp.core.exposed_keys import from_browser, is_from_page
from chatapp.core.identity import Actor, Claims, Verifier
from chatapp.core.references import Reference, as_reference
from chatapp.core.user_state import UserState
from chatapp.fanout.actors import read_settled, refresh_actor
from chatapp.fanout.rooms import ListRooms, rooms
from chatapp.fanout.view import view
from chatapp.server.turns import Work, turns
from chatapp.sockets.client_events import ClientEvent, Renewed, RenewedSchema, RenewSchema
from chatapp.sockets.connection import SocketConnection, State, connection_of
from chatapp.sockets.heartbeat import Heartbeat
from chatapp.sockets.incoming import FAILED, PacketHandler
from chatapp.sockets.packets import NAMESPACE, decode_connect, encode_connect_error
from chatapp.sockets.session import Session
from chatapp.sockets.unauthenticated import HELD

log = structlog.get_logger()

# For a connection to authenticate, and for a socket to renew an expired token.
TOKEN_SECONDS = 10
RENEWAL_SECONDS = 50
# Sockets that are checked in one turn of the event loop.
PORTION = 500
# Delay after which a client retries while the database is unavailable.
RETRY_DELAY = 1.0
RENEW_SUMMARY = (
    "Replace the access token of the socket by a new one of the same user. Otherwise the socket is closed one minute after "
    "its token expired."
)


class PresenceTracker(Protocol):
    """Counts the sockets of users."""

    def connected(self, actor: Actor) -> None:
        """Called before a socket opens; an exception refuses it."""

    def disconnected(self, actor: Actor, socket_id: str) -> None:
        """Called when a socket is closed and unsubscribed."""

    def moved(self, before: Actor, actor: Actor) -> None:
        """Called when a socket belongs to another session of its user. Never blocks."""


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
        self._application = application.current()
        self._settings = settings.current()
        self._rooms, self._view = rooms(), view()
        self._app = app
        renew = ClientEvent("auth:renew", RenewSchema, RENEW_SUMMARY, self._renew, RenewedSchema, about_socket=True)
        self.events = (*events, renew)
        self._tokens = tokens
        self._list_rooms: Coalescer[str, UserState] = Coalescer(
            lambda user_ids: list(map(list_rooms(user_ids).__getitem__, user_ids))
        )
        self._presence = tracker
        self._unauthenticated: dict[str, float] = {}
        metrics.sockets.set_function(self._rooms.__len__)
        # Sockets whose CONNECT is being handled.
        self._connecting: set[str] = set()
        socketio.on_namespace(self)
        self._engineio = engineio_of(socketio.server)
        self._sessions = sessions_of(self._engineio)
        self.heartbeat = Heartbeat(self._engineio.ping_interval, self._engineio.ping_timeout)
        handler = PacketHandler(self.events, self, lambda connection: refresh_actor(connection, tokens.find_actor))
        create_sessions(self._engineio, lambda server, sid: Session(server, sid, handler.dispatcher, self.heartbeat))
        ignore_client_mistakes(self._engineio)
        self._library = handlers_of(socketio.server)
        self._engineio.on("connect", self._session_opened)

    def trigger_event(self, event: str, *args: Any) -> None:
        """Called by python-socketio with ("connect", sid, environ, auth) and ("disconnect", sid, reason)."""
        # Sessions may end in a greenlet that the event loop started, outside of any application.
        self._application.run(self._handle_library_event, event, *args)

    def _handle_library_event(self, event: str, *args: Any) -> None:
        if event == "connect":
            self._connect(*args)
        elif event == "disconnect":
            sid, reason = args
            if connection := connection_of(session_id_of(self.server, sid, NAMESPACE)):
                connection.end(reason)

    def _session_opened(self, id: str, environ: Json) -> Any:
        """Called by Engine.IO for a new session, which counts as unauthenticated."""
        session = self._sessions[id]
        session.address = addresses.client_address(environ, self._settings.trusted_proxies)
        session.from_page = is_from_page(environ)
        if held := environ.get(HELD):
            session.held = held.pop()
        # python-socketio would keep the environ as long as the session; nothing here uses it.
        return self._library.opened(id, {})

    def sweep(self) -> None:
        """Close connections that did not authenticate in time, and sockets whose token was not renewed (a background
        task, about once a second)."""
        now = time.time()
        for connection in map(connection_of, _in_portions(self._rooms.ids())):
            if connection is None:
                continue
            if key := connection.actor.acting:
                if now >= key.ends_at:
                    connection.close("key expired")
            elif now > connection.expires_at + RENEWAL_SECONDS:
                connection.close("token expired")
        unauthenticated = [id for id in _in_portions(self._sessions) if id not in self._rooms]
        self._unauthenticated = {id: self._unauthenticated.get(id, now) for id in unauthenticated}
        for id, since in self._unauthenticated.items():
            session = self._sessions.get(id)
            # A busy session may have sent its token: then the server is late.
            is_open = id in self._rooms  # It may have authenticated during the search.
            if session and not is_open and session.client_queue.idle and now > since + TOKEN_SECONDS:
                session.abort()

    def _connect(self, sid: str, _environ: Json, auth: object = None) -> None:
        """Authenticate and open a socket; raises ConnectionRefusedError with the problem."""
        try:
            logs.about(socket_id=sid)
            id = session_id_of(self.server, sid, NAMESPACE)
            session: Any = self._sessions.get(id)
            if session is None:
                raise ConnectionRefusedError  # The client left before its CONNECT was handled.
            epoch = self._view.epoch
            actor, claims = self._authenticate_client(auth if isinstance(auth, dict) else {}, session)
            logs.about(socket_id=sid, user_id=actor.user_id)
            # Each connection writes presence and emits its events, even one that leaves at once.
            if actor.acting:
                limits.hit_key(str(actor.acting.id), self._settings.rate_server)
            else:
                limits.hit_user("socket connects", actor.user_id, self._settings.rate_events)
            self._presence.connected(actor)
            connection = SocketConnection(id, sid, session, actor, claims.expires_at, self._ended)
            self._enter(connection)
            if epoch != self._view.epoch:
                refresh_actor(connection, self._tokens.find_actor)
            if connection.state is State.CLOSED:
                raise Unauthenticated("The session has ended. Log in again.")
            self._tokens.note_connected(actor)
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
        self._rooms.add(connection)
        try:
            user_id = connection.actor.user_id
            while True:
                change = self._rooms.privacy_change(user_id)
                state = self._list_rooms(user_id)
                if change == self._rooms.privacy_change(user_id):
                    break
            self._rooms.fill(connection, state)
            # Receipts are not replayed.
            self._rooms.wait_for_events(connection.chats.keys())
        except BaseException:
            connection.end("refused")
            raise

    def _ended(self, connection: SocketConnection, why: str) -> None:
        """Called once when a socket is closed."""
        self._rooms.remove(connection.id)
        log.info(
            "socket_disconnected",
            socket_id=connection.sid,
            user_id=connection.actor.user_id,
            reason=why,
            seconds=round(time.monotonic() - connection.since),
        )
        self._presence.disconnected(connection.actor, connection.id)

    def _authenticate_client(self, auth: Json, session: Session) -> tuple[Actor, Claims]:
        """The actor and claims of a handshake's `auth`."""
        token = auth.get("token")
        if session.from_page and isinstance(token, str) and (key_id := api_keys.find(token)):
            raise from_browser(key_id)
        act_as = None
        if auth.get("actAs") is not None:
            try:
                act_as = as_reference(auth["actAs"])
            except ValidationError:
                raise NotFound("The user of actAs does not exist.") from None
        return self._authenticate(token, act_as, session.address)

    def _authenticate(
        self, token: object, act_as: Reference | None = None, address: str | None = None
    ) -> tuple[Actor, Claims]:
        """The actor and claims of a token; use them before waiting for anything else."""
        with self._app.app_context():
            return read_settled(lambda: self._tokens.authenticate(token, act_as=act_as, address=address))

    def _renew(self, connection: SocketConnection, *, token: str) -> Renewed:
        """Replace the access token of the socket."""
        if connection.actor.acting or looks_like_key(token):
            raise Forbidden("Only access tokens are renewed.", code="act_as_forbidden")
        actor, claims = self._authenticate(token, address=connection.session.address)
        if actor.user_id != connection.actor.user_id:
            raise Unauthenticated("The access token belongs to another user.")
        self._presence.moved(connection.actor, actor)
        connection.actor, connection.expires_at = actor, claims.expires_at
        return {"expiresIn": max(0, int(claims.expires_at - time.time()))}

    def open_socket(self, session: Session, packet: str) -> None:
        """Open a socket, or send an error and close the connection; an open socket stays open."""
        id = session.sid
        namespace, auth = decode_connect(packet)
        error_packet = None
        if namespace != NAMESPACE:
            error_packet = encode_connect_error(namespace)
        elif id in self._rooms or id in self._connecting:
            return
        elif not _is_json(auth or "{}"):
            error = Malformed("The CONNECT packet is not valid JSON.", code="malformed_packet")
            error_packet = encode_connect_error(namespace, error)
        else:
            self._connecting.add(id)
            try:
                turns.wait(Work.HANDSHAKE)
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

    def leave(self, session: Session, packet: str) -> None:
        """Handle a DISCONNECT packet."""
        self._hand_on(session.sid, packet)

    def _hand_on(self, id: str, packet: str) -> None:
        """Let python-socketio handle a packet."""
        try:
            self._library.packet(id, packet)
        except Exception as error:
            log.info("malformed_packet", error=type(error).__name__)


def _in_portions(ids: Iterable[str]) -> Iterator[str]:
    """The present ids; between portions of them, other greenlets run."""
    for number, id in enumerate(list(ids), 1):
        yield id
        if number % PORTION == 0:
            gevent.sleep(0)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True
