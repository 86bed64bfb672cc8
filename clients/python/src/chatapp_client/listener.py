"""The socket of a bot. It only receives: what a bot sends goes over REST, where retries are safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chatapp_client.errors import ApiError, ConnectionFailed, api_error

NAMESPACE = "/chat"
WAIT_SECONDS = 15


class Listener:
    """A connection; `put` gets each event as a tuple of name and payload, in a thread of its own."""

    def __init__(self, url: str, put: Callable[[tuple[str, Any]], None]) -> None:
        try:
            import socketio
        except ImportError as error:
            raise ImportError('A bot needs python-socketio: pip install "chatapp-client[bot]"') from error
        self._url = url
        self._errors = socketio.exceptions
        self._refused: Any = None
        # The server refuses an API key together with an `Origin`, which this library would send.
        options = {"suppress_origin": True}
        self._client = socketio.Client(reconnection=False, handle_sigint=False, websocket_extra_options=options)
        self._client.on("connect_error", self._note_refusal, namespace=NAMESPACE)
        self._client.on("*", lambda name, payload=None: put((name, payload or {})), namespace=NAMESPACE)

    @property
    def is_connected(self) -> bool:
        """False once the connection has ended."""
        return bool(self._client.connected and NAMESPACE in self._client.namespaces)

    def connect(self, auth: Mapping[str, str]) -> None:
        """Connect; `ApiError` if the server refuses the credentials, `ConnectionFailed` for any other failure."""
        try:
            self._client.connect(self._url, auth=dict(auth), namespaces=[NAMESPACE], wait_timeout=WAIT_SECONDS)
        except self._errors.SocketIOError as error:
            raise self._reason(error) from error

    def renew(self, auth: Mapping[str, str]) -> None:
        """Continue the connection with a new access token."""
        try:
            ack = self._client.call("auth:renew", {"token": auth["token"]}, namespace=NAMESPACE, timeout=WAIT_SECONDS)
        except self._errors.SocketIOError as error:
            raise ConnectionFailed(f"The socket: {error}") from error
        if not ack["ok"]:
            # The next connection begins with a new token.
            raise ConnectionFailed(f"The socket: {ack['error']['detail']}")

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()

    def _note_refusal(self, details: Any = None) -> None:
        self._refused = details

    def _reason(self, error: Exception) -> ApiError | ConnectionFailed:
        problem = self._refused.get("data") if isinstance(self._refused, dict) else None
        if isinstance(problem, dict) and isinstance(problem.get("status"), int):
            return api_error(problem["status"], problem)
        return ConnectionFailed(f"The socket: {error}")
