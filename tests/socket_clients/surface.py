"""The operations of a test on a socket, with any client, and the recorded events."""

import itertools
import json
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

NAMESPACE = "/chat"
NO_CHAT = "00000000-0000-0000-0000-000000000000"
# Hundreds of clients may connect at once.
CONNECT_SECONDS = 30.0
END_SECONDS = 10.0
SHOWN_CHARACTERS = 300


class ConnectError(Exception):
    """A connection was refused; `data` is the server's problem, None if the server could not be reached."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(f"{message} {json.dumps(data)}" if data else message)
        self.data = data


class Ack(NamedTuple):
    """The result of a `call`: the ack's value, or the client's error."""

    value: Any
    error: str | None = None


class SocketClient(ABC):
    """One client and its recorded events.

    `connected` and `transport` ("polling" or "websocket") are the current state. Another thread records events in the
    order in which they arrive.
    """

    # Whether a client that reconnects also retries its first connection.
    retries_first_attempt = False

    def __init__(self, *, reconnection: bool = False) -> None:
        self.connected = False
        self.transport = ""
        self._reconnection = reconnection
        self._changed = threading.Condition()
        self._history: list[tuple[str, Any]] = []
        self._unconsumed: list[tuple[str, Any]] = []
        self._reasons: deque[str] = deque()
        self._connect_error: ConnectError | None = None
        self._acks: dict[int, Ack] = {}
        self._listener: Callable[[str, Any], None] | None = None
        self._call_numbers = itertools.count(1)

    @abstractmethod
    def emit(self, event: str, *args: Any) -> None:
        """Send an event without requesting an ack."""

    @abstractmethod
    def _ask(self, number: int, event: str, args: Sequence[Any], timeout: float) -> None:
        """Send an event and record its ack under `number`."""

    @abstractmethod
    def _leave(self) -> None:
        """Disconnect the client without reconnecting."""

    @abstractmethod
    def _cut(self) -> None:
        """End the client's connection below Socket.IO."""

    def call(self, event: str, *args: Any, timeout: float = 10) -> Any:
        """The value of the ack to an event; TimeoutError if none comes."""
        number = next(self._call_numbers)
        self._ask(number, event, args, timeout)
        with self._changed:
            if not self._changed.wait_for(lambda: number in self._acks, timeout):
                raise TimeoutError(f"No ack to {event} came within {timeout} s.")
            ack = self._acks.pop(number)
        if ack.error:
            raise TimeoutError(f"No ack to {event} came: {ack.error}.")
        return ack.value

    def flush(self) -> None:
        """Wait until the server has handled all that was sent to it, and all of its earlier events have arrived.

        It handles a client's events in order, so that any ack proves this, even an error.
        """
        self.call("typing:stop", {"chatId": NO_CHAT})

    def wait_for(self, event: str, matching: Callable[[Any], bool] | None = None, timeout: float = 10) -> Any:
        """The payload of the next such event, which is consumed; AssertionError if none arrives."""
        taken: list[tuple[str, Any]] = []

        def take() -> bool:
            for each in self._unconsumed:
                if each[0] == event and (matching is None or matching(each[1])):
                    self._unconsumed.remove(each)
                    taken.append(each)
                    return True
            return False

        self._wait(take, timeout, f"{event}{' that matches' if matching else ''}")
        return taken[0][1]

    def received(self, event: str | None = None) -> list[tuple[str, Any]]:
        """Every event (or every one of that name) with its payload, in order, consumed or not."""
        with self._changed:
            return [each for each in self._history if event in (None, each[0])]

    def report_to(self, listener: Callable[[str, Any], None]) -> None:
        """Call `listener` for everything that happens from now on, in the recording thread; events are not stored any
        more.

        It gets ("event", (name, payload)), ("connected", transport), ("disconnected", reason), ("refused", problem).
        """
        with self._changed:
            self._listener = listener

    def wait_connected(self, timeout: float = CONNECT_SECONDS) -> None:
        """Wait until connected, or connected again; ConnectError if the server refuses."""
        self._wait(lambda: self.connected or self._connect_error is not None, timeout, "connection")
        if self._connect_error and not self.connected:
            raise self._connect_error

    def wait_upgrade(self, timeout: float = 10) -> None:
        """Wait until the transport is websocket."""
        self._wait(lambda: self.transport == "websocket", timeout, "upgrade to websocket")

    def wait_disconnect(self, timeout: float = 10) -> str:
        """Why the connection ended. Each end is returned once; reasons that both clients know are named as in
        JavaScript."""
        self._wait(lambda: bool(self._reasons), timeout, "disconnection")
        return self._reasons.popleft()

    def disconnect(self) -> None:
        """Disconnect for good; returns once disconnected."""
        self._leave()
        self._wait(lambda: not self.connected, END_SECONDS, "end of the connection")

    def drop(self) -> None:
        """Lose the connection without a disconnect packet; returns once it has ended. With `reconnection` the client
        then reconnects."""
        ended = len(self._reasons)
        self._cut()
        self._wait(lambda: len(self._reasons) > ended or not self.connected, END_SECONDS, "end of the connection")

    def _once_connected(self) -> Self:
        """The client once it is connected; one that could not connect is ended."""
        try:
            self.wait_connected()
        except BaseException:
            self.disconnect()
            raise
        return self

    def _wait(self, happened: Callable[[], bool], timeout: float, what: str) -> None:
        with self._changed:
            if self._changed.wait_for(happened, timeout):
                return
            state = f"connected by {self.transport}" if self.connected else f"not connected, {list(self._reasons)}"
            events = [f"  {name} {payload!r}"[:SHOWN_CHARACTERS] for name, payload in self._unconsumed]
            consumed = len(self._history) - len(events)
        came = "\n".join(events) or "  nothing"
        raise AssertionError(
            f"No {what} came within {timeout} s ({state}). Instead there came, beside {consumed} consumed events:\n{came}"
        )

    def _note_connected(self, transport: str) -> None:
        with self._changed:
            self.connected, self.transport, self._connect_error = True, transport, None
            self._changed.notify_all()
            self._report("connected", transport)

    def _note_connect_error(self, error: ConnectError) -> None:
        with self._changed:
            # While a client retries by itself, only an error from the server is final.
            tries_again = self._reconnection and (self.transport or self.retries_first_attempt)
            if error.data is not None or not tries_again:
                self._connect_error = error
                self._report("refused", error.data)
            self._changed.notify_all()

    def _note_upgraded(self, transport: str) -> None:
        with self._changed:
            self.transport = transport
            self._changed.notify_all()

    def _note_disconnected(self, reason: str) -> None:
        with self._changed:
            if self.connected:
                self.connected = False
                self._reasons.append(reason)
                self._report("disconnected", reason)
            self._changed.notify_all()

    def _note_event(self, name: str, args: Sequence[Any]) -> None:
        with self._changed:
            each = (name, one_value(args))
            if self._listener:
                self._report("event", each)
                return
            self._history.append(each)
            self._unconsumed.append(each)
            self._changed.notify_all()

    def _report(self, what: str, data: Any) -> None:
        if self._listener:
            self._listener(what, data)

    def _note_ack(self, number: int, ack: Ack) -> None:
        with self._changed:
            self._acks[number] = ack
            self._changed.notify_all()


def one_value(args: Sequence[Any]) -> Any:
    """The value of an event or ack: usually a single one; None for none, a list for several."""
    return args[0] if len(args) == 1 else list(args) or None
