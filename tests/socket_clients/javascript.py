"""The official JavaScript client, driven in a Node.js process."""

import base64
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chatapp.launcher.node import ensure_node_modules, node_binary
from tests.server import ROOT
from tests.socket_clients.surface import END_SECONDS, NAMESPACE, Ack, ConnectError, SocketClient, one_value

JS = ROOT / "tests" / "js"
_JS_NAMES = {
    "headers": "extraHeaders",
    "randomization_factor": "randomizationFactor",
    "reconnection_attempts": "reconnectionAttempts",
    "reconnection_delay": "reconnectionDelay",
    "reconnection_delay_max": "reconnectionDelayMax",
}


class JsClient(SocketClient):
    """A socket of the official JavaScript client; created by `JsDriver.connect`."""

    retries_first_attempt = True

    def __init__(self, command: Callable[..., None], *, reconnection: bool) -> None:
        super().__init__(reconnection=reconnection)
        self._command = command

    def emit(self, event: str, *args: Any) -> None:
        self._command("emit", event=event, args=args)

    def _ask(self, number: int, event: str, args: Sequence[Any], timeout: float) -> None:
        self._command("call", call=number, event=event, args=args, timeout=int(timeout * 1000))

    def _leave(self) -> None:
        self._command("disconnect")

    def _cut(self) -> None:
        self._command("close")

    def on_report(self, report: dict[str, Any]) -> None:
        """Record a report of the driver about this client."""
        match report["type"]:
            case "connected":
                self._note_connected(report["transport"])
            case "upgraded":
                self._note_upgraded(report["transport"])
            case "connect_error":
                self._note_connect_error(ConnectError(report["message"], report.get("data")))
            case "disconnected":
                self._note_disconnected(report["reason"])
            case "event":
                self._note_event(report["event"], report["args"])
            case "ack":
                self._note_ack(report["call"], Ack(one_value(report["args"]), report.get("error")))


class JsDriver:
    """A Node.js process with any number of clients, which end with it at the end of `with`.

    `trusts` is the file of a certificate that it accepts in addition to the usual ones.
    """

    def __init__(self, *, trusts: Path | None = None) -> None:
        self._environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(trusts)} if trusts else None
        self._clients: dict[int, JsClient] = {}
        self._numbers = itertools.count(1)
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        ensure_node_modules(JS)
        command = [node_binary(), JS / "driver.mjs"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", env=self._environment
        )
        self._reader = threading.Thread(target=self._read, name="js-driver", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # `communicate` would read the reader's data.
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def connect(
        self,
        url: str,
        token: str | None,
        *,
        transports: Sequence[str] | None = None,
        wait: bool = True,
        reconnection: bool = False,
        **options: Any,
    ) -> JsClient:
        """A client of the server at `url`, connected if `wait`; ConnectError if it is refused."""
        number = next(self._numbers)
        client = JsClient(partial(self._command, number), reconnection=reconnection)
        self._clients[number] = client
        given = {_JS_NAMES.get(name, name): _in_js_units(name, value) for name, value in options.items()}
        given |= {"reconnection": reconnection}
        given |= {"transports": transports} if transports else {}
        given |= {"auth": {"token": token}} if token is not None else {}
        self._command(number, "connect", url=url + NAMESPACE, options=given)
        return client._once_connected() if wait else client

    def connect_many(self, url: str, tokens: Iterable[str], **options: Any) -> list[JsClient]:
        """A client for each token, connected concurrently; ConnectError if one of them is refused."""
        clients = [self.connect(url, token, **options, wait=False) for token in tokens]
        for client in clients:
            client.wait_connected()
        return clients

    def _command(self, client: int, do: str, **what: Any) -> None:
        line = json.dumps({"client": client, "do": do, **what}, default=_bytes_to_json, allow_nan=False)
        assert self._process.stdin
        with self._writing:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            report = json.loads(line)
            self._clients[report["client"]].on_report(report)
        for client in list(self._clients.values()):
            client.on_report({"type": "disconnected", "reason": "the driver ended"})


def _in_js_units(name: str, value: Any) -> Any:
    """Seconds as milliseconds."""
    return int(value * 1000) if name.startswith("reconnection_delay") else value


def _bytes_to_json(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is not JSON")
