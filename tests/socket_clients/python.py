"""The client of python-socketio."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Self

import requests
import socketio
from engineio.packet import CLOSE, MESSAGE, Packet

from tests.socket_clients.surface import END_SECONDS, NAMESPACE, Ack, ConnectError, SocketClient, one_value

_JS_REASONS = {"client disconnect": "io client disconnect", "server disconnect": "io server disconnect"}


class PyClient(SocketClient):
    """A client of python-socketio; created by `PyClient.connect`."""

    def __init__(self, *, reconnection: bool, **options: Any) -> None:
        super().__init__(reconnection=reconnection)
        self._http = requests.Session()
        # Without the proxy of the environment.
        self._http.trust_env = False
        self._client = socketio.Client(
            reconnection=reconnection, http_session=self._http, handle_sigint=False, **options
        )
        self._leaving = False
        self._reports: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._handle_messages_in_order()
        self._client.on("connect", lambda: self._note_connected(self._client.transport()), NAMESPACE)
        self._client.on("connect_error", self._refused, NAMESPACE)
        self._client.on("disconnect", self._disconnected, NAMESPACE)
        self._client.on("*", lambda event, *args: self._note_event(event, args), NAMESPACE)

    @classmethod
    def connect(
        cls,
        url: str,
        token: str | None,
        *,
        transports: Sequence[str] | None = None,
        wait: bool = True,
        reconnection: bool = False,
        headers: dict[str, str] | None = None,
        act_as: object = None,
        **options: Any,
    ) -> Self:
        """A client of the server at `url`, connected if `wait`; ConnectError if it is refused.

        With `act_as`, the token is an API key.
        """
        client = cls(reconnection=reconnection, **options)
        # A connect error is recorded by its event, which has more details than this exception.
        with suppress(socketio.exceptions.ConnectionError):
            client._client.connect(
                url,
                headers=headers or {},
                auth=None if token is None else {"token": token} | ({} if act_as is None else {"actAs": act_as}),
                transports=transports,
                namespaces=[NAMESPACE],
                wait=False,
            )
        return client._once_connected() if wait else client

    def emit(self, event: str, *args: Any) -> None:
        self._client.emit(event, args, NAMESPACE)

    def _ask(self, number: int, event: str, args: Sequence[Any], timeout: float) -> None:
        def acked(*ack: Any) -> None:
            self._note_ack(number, Ack(one_value(ack)))

        self._client.emit(event, tuple(args), NAMESPACE, acked)

    def _leave(self) -> None:
        self._client.reconnection = False
        if self._polls():
            self._leaving = True
            self._client.eio.queue.put(Packet(MESSAGE, data=f"1{NAMESPACE},"))
            self._end_polling()
        over = threading.Event()
        threading.Thread(target=self._wake_writer, args=(over,), daemon=True).start()
        # Twice, as a reconnection may succeed before it is stopped.
        self._client.shutdown()
        self._client.shutdown()
        over.set()
        # python-engineio may leave its writer waiting if the server ended the connection.
        while writer := self._client.eio.write_loop_task:
            self._client.eio.queue.put(None)
            writer.join(0.1)
        self._reports.put(None)
        self._http.close()

    def _wake_writer(self, over: threading.Event) -> None:
        """End python-engineio's writer, which can miss that the connection ended: `shutdown` then waits 30 s for it."""
        while not over.wait(0.5):
            if queue := self._client.eio.queue:
                queue.put(None)

    def _cut(self) -> None:
        if self._polls():
            self._end_polling()
        elif self.connected:
            self._client.eio.ws.abort()

    def _polls(self) -> bool:
        return bool(self._client.eio.state == "connected" and self._client.transport() == "polling")

    def _end_polling(self) -> None:
        """There is no connection to cut: end the session below Socket.IO, as the JavaScript client does.

        Not by python-engineio's `disconnect`: it may forget to tell the server, then waits for the poll's end.
        """
        engine = self._client.eio
        if writer := engine.write_loop_task:
            # One is lost when the writer takes it along with other packets.
            engine.queue.put(None)
            engine.queue.put(None)
            writer.join()
        # The server responds to the poll, and a reader whose writer has ended sends no other.
        self._http.post(engine.base_url, Packet(CLOSE).encode(), timeout=END_SECONDS)

    def _handle_messages_in_order(self) -> None:
        """python-engineio starts a thread per message, and two may overtake each other: use one thread."""
        engine = self._client.eio
        start = engine.start_background_task

        def start_or_queue(target: Callable[..., Any], *args: Any) -> Any:
            if target is engine.handlers["message"]:
                return self._reports.put(partial(target, *args))
            return start(target, *args)

        def work() -> None:
            while report := self._reports.get():
                report()

        engine.start_background_task = start_or_queue
        self._worker = threading.Thread(target=work, name="py-client", daemon=True)
        self._worker.start()

    def _refused(self, data: Any = None) -> None:
        # Errors of the server have this form; others come from python-engineio, which could not reach it.
        refused = isinstance(data, dict) and "message" in data
        self._note_connect_error(
            ConnectError(data["message"], data.get("data")) if refused else ConnectError(str(data))
        )

    def _disconnected(self, reason: str) -> None:
        reason = "client disconnect" if self._leaving else reason
        note = partial(self._note_disconnected, _JS_REASONS.get(reason, reason))
        if threading.current_thread() is self._worker:
            # python-engineio may keep this thread waiting for long after the server's disconnect packet.
            note()
        else:
            # After earlier messages.
            self._reports.put(note)
