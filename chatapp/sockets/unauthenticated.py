"""WSGI layer in front of REST and Socket.IO that limits open connections and handshakes of unauthenticated clients.

Without a proxy each connection counts from its opening until a token is presented on it (`worker.py`). Behind trusted
proxies, whose connections carry requests of many clients, each request without a token counts while it is served. A
Socket.IO session counts until its CONNECT is accepted.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from chatapp.compat.gunicorn import CONNECTION
from chatapp.core import metrics
from chatapp.core.errors import ChatError, RateLimited
from chatapp.core.identity import Verifier
from chatapp.core.settings import Settings
from chatapp.fanout.rooms import rooms
from chatapp.server.admission import RETRY_SECONDS, Admission, Held, SharedCounters
from chatapp.server.problems import from_error
from chatapp.server.transfer import SOCKETIO_PATH, session_of

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]

# Key in a handshake's environ: a list with the slot of the session; the code that creates the session takes it out.
HELD = "chatapp.held"


class UnauthenticatedClients:
    """A WSGI application around another. It counts nothing while `admission` is None."""

    def __init__(self, application: Application, settings: Settings, tokens: Verifier) -> None:
        self._application = application
        self._tokens = tokens
        self._settings = settings
        self.admission: Admission | None = None

    def count_with(self, counters: SharedCounters, part: int) -> Admission | None:
        """Start counting; returns None if limits are turned off."""
        settings = self._settings
        if settings.ratelimit_enabled:
            self.admission = Admission(
                counters,
                part,
                max_open=settings.max_unauthenticated,
                handshakes=settings.rate_handshakes,
                trusted_proxies=settings.trusted_proxies,
            )
        return self.admission

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on, or refuse it with 429."""
        is_socket = environ["PATH_INFO"].startswith(SOCKETIO_PATH)
        session = session_of(environ) if is_socket else None
        if is_socket and not session and "HTTP_ORIGIN" in environ:
            start_response = _readable(environ["HTTP_ORIGIN"], start_response)
        if not self.admission:
            return self._application(environ, start_response)
        if is_socket and not session:
            return self._handshake(self.admission, environ, start_response)
        connection = environ.get(CONNECTION)
        if getattr(connection, "held", None):
            if not self._has_token(environ, session):
                try:
                    return self._application(environ, start_response)
                finally:
                    # A packet in the request may have presented a token.
                    if session and session in rooms():
                        connection.authenticated()  # type: ignore[union-attr]
            connection.authenticated()  # type: ignore[union-attr]
        if self.admission.trusted_proxies and not self._has_token(environ, session):
            address = self.admission.address(environ)
            if not (held := Held.if_admitted(self.admission, address)):
                return _refuse(environ, start_response, RETRY_SECONDS, self._settings.max_unauthenticated)
            try:
                return self._application(environ, start_response)
            finally:
                held.release()
        return self._application(environ, start_response)

    def _handshake(self, admission: Admission, environ: Environ, start_response: Any) -> Iterable[bytes]:
        address = admission.address(environ)
        if seconds := admission.handshake(address):
            metrics.socket_connects.inc(RateLimited.code)
            return _refuse(environ, start_response, seconds, self._settings.rate_handshakes.count)
        connection = environ.get(CONNECTION)
        # A websocket keeps the slot of its session.
        moves = "HTTP_UPGRADE" in environ and getattr(connection, "held", None)
        held = moves or Held.if_admitted(admission, address)
        if not held:
            return _refuse(environ, start_response, RETRY_SECONDS, self._settings.max_unauthenticated)
        environ[HELD] = left = [held]
        try:
            return self._application(environ, start_response)
        finally:
            if moves:
                connection.held = moves if left else None  # type: ignore[union-attr]
            elif left:
                held.release()

    def _has_token(self, environ: Environ, session: str | None) -> bool:
        """True for a request with a valid access token, or of an authenticated socket."""
        if session:
            return session in rooms()
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        try:
            self._tokens.caller(token.strip())
        except ChatError:
            return False
        return True


def _refuse(environ: Environ, start_response: Any, seconds: int, limit: int) -> Iterable[bytes]:
    return from_error(RateLimited(seconds, limit))(environ, start_response)


def _readable(origin: str, start_response: Any) -> Any:
    """A `start_response` that lets the page that began a handshake read the error."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if not any(name.lower() == "access-control-allow-origin" for name, _ in headers):
            headers = [
                *headers,
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Allow-Credentials", "true"),
            ]
        return start_response(status, headers, exc_info)

    return start
