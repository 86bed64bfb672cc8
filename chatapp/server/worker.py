"""The gunicorn worker: gevent's, but one that ends quickly even with many open connections.

Named in `gunicorn.conf.py`. On SIGTERM it stops accepting, closes every socket so that its client connects to another
worker, drops idle connections, and lets running requests finish. During a reload (`arbiter.py`) it drains in steps that
clients don't notice. Connections for sessions of other workers move there (`transfer.py`).

The master imports this module too, so modules that only a worker needs are imported when one runs.
"""

import gc
import math
import mmap
import signal
import socket
import time
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Pool

from chatapp.compat.gunicorn import Request, body_length, close_after_response
from chatapp.compat.gunicorn_processes import (
    BaseWorker,
    receive_at_once,
    respond_to_invalid_requests,
    write_without_waiting,
)
from chatapp.core import batching
from chatapp.server.admission import RETRY_SECONDS, Admission, Held, SharedCounters, peer_address
from chatapp.server.arbiter import DRAIN
from chatapp.server.connections import Connection, Server, end_stream
from chatapp.server.transfer import ConnectionTransfer, is_handshake, receive_connection
from chatapp.server.turns import Work, turns

NOTIFY_SECONDS = 1.0
FINISH_SECONDS = 3.0
# How long a new worker waits for the database and the other workers before it serves without them.
READY_SECONDS = 3.0
READY_POLL_SECONDS = 0.05
# How long a draining worker serves kept-alive connections, each of which ends with its next response.
LAST_REQUESTS_SECONDS = 1.0
# The rate at which a draining worker closes its sockets, so that the other workers keep up with the handshakes.
CLOSED_PER_SECOND = 300
DRAIN_SECONDS = 60.0
DRAIN_STEP_SECONDS = 0.1
# Bytes of a body that gunicorn receives at once. Each of the small reads with which it discards the body of a refused
# request copies all data that was received and not read yet.
RECEIVED_BYTES = 64 * 1024

receive_at_once(RECEIVED_BYTES)


class Listener:
    """The parts of a listening socket that gunicorn needs while it serves a connection, even after the socket was
    closed."""

    def __init__(self, listener: Any) -> None:
        self._address = listener.getsockname()

    def getsockname(self) -> Any:
        """The address that the socket listens on."""
        return self._address


class Worker(BaseWorker):
    """Serves until it is stopped, then takes at most `FINISH_SECONDS` to finish."""

    # The folder of the workers' sockets, and their shared counters; set in the master before workers start.
    folder: Path | None = None
    counters: SharedCounters | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A byte that the worker sets and the master reads. `leaving` is set in the master only, when the worker drains.
        self._ready = mmap.mmap(-1, 1)
        self.leaving = False
        self.transfer = ConnectionTransfer(self.folder) if self.folder else None
        self.part = self.counters.take() if self.counters else 0
        self._admission: Admission | None = None
        self._draining = False
        self._stopping = Event()
        # Connections that wait for a request, and whether they have been ended.
        self._idle: set[socket.socket] = set()
        self._connections: set[Connection] = set()
        self._idle_are_ended = False

    @property
    def ready(self) -> bool:
        """True once the worker accepts connections."""
        return self._ready[0] == 1

    def run(self) -> None:
        """Called by gunicorn once the application is loaded; returns when the worker has ended."""
        from chatapp.compat.engineio import mark_ids, sessions_of
        from chatapp.compat.socketio import engineio_of

        connections = Pool(self.worker_connections)
        self._first_listener = Listener(self.sockets[0])
        self._max_body = self.wsgi.extensions["max_body"]
        servers = [Server(s, handle=self._handler(s), spawn=connections) for s in self.sockets]
        if self.counters:
            self._admission = self.wsgi.extensions["unauthenticated"].count_with(self.counters, self.part)
        engineio = engineio_of(self.wsgi.extensions["socketio"].server)
        sessions = sessions_of(engineio)
        if self.transfer:
            mark_ids(engineio, self.transfer.mark)
            servers.append(Server(self.transfer.open(), handle=self._take_over, spawn=connections))
        self._wait_until_ready()
        for server in servers:
            server.start()
        self._ready[0] = 1
        while self.alive and not self._draining:
            self._beat()
            self._stopping.wait(NOTIFY_SECONDS)
        if self._draining:
            self._drain(servers, sessions)
        self.leave()
        for server in servers:
            server.close()
        # Without Engine.IO's CLOSE, which some clients take as a request not to reconnect.
        closing = [gevent.spawn(session.close, abort=True) for session in list(sessions.values())]
        self._idle_are_ended = True
        for connection in self._idle:
            end_stream(connection, socket.SHUT_RD)
        with gevent.Timeout(FINISH_SECONDS, False):
            gevent.joinall(closing)
            batching.finish()
            connections.join()
        connections.kill(timeout=NOTIFY_SECONDS)
        self.wsgi.extensions["background"].finish()
        # Otherwise the interpreter would spend a second or two freeing memory that the kernel frees at once.
        gc.freeze()

    def _wait_until_ready(self) -> None:
        """Wait until the parts that `/readyz` names respond, so that clients don't reach a worker that lacks one."""
        checks = self.wsgi.extensions["checks"].values()
        deadline = time.monotonic() + READY_SECONDS
        while self.alive and time.monotonic() < deadline:
            try:
                with gevent.Timeout(READY_SECONDS):
                    for check in checks:
                        check()
                return
            except (Exception, gevent.Timeout):
                gevent.sleep(READY_POLL_SECONDS)

    def _beat(self) -> None:
        """Signal the master that the worker is alive, and end connections on which a request arrives too slowly."""
        self.notify()
        now = time.monotonic()
        for connection in list(self._connections):
            connection.check(now)

    def _drain(self, servers: list[Server], sessions: dict[str, Any]) -> None:
        """Move the clients to the other workers: first HTTP connections, then one socket after another.

        A socket that closes late misses nothing while the workers are connected. Without Redis they are not, and all
        sockets close at once.
        """
        for server in servers[: len(self.sockets)]:
            server.close()
        self._pause(LAST_REQUESTS_SECONDS)
        at_once = len(sessions)
        if self.transfer and self.wsgi.extensions["has_bus"]:
            seconds = min(DRAIN_SECONDS, at_once / CLOSED_PER_SECOND)
            at_once = math.ceil(at_once / max(1.0, seconds / DRAIN_STEP_SECONDS))
        while self.alive and (next_ones := list(sessions.values())[:at_once]):
            for session in next_ones:
                gevent.spawn(session.close, abort=True)
            self._pause(DRAIN_STEP_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Wait, unless the worker has to stop."""
        self._beat()
        self._stopping.clear()
        if self.alive:
            self._stopping.wait(seconds)

    def leave(self) -> None:
        """Stop receiving connections; called in the master too, for a worker that was killed."""
        if self.transfer:
            self.transfer.close()

    def init_signals(self) -> None:
        """Called by gunicorn in the worker's process, before the application is loaded."""
        super().init_signals()
        signal.signal(DRAIN, self.handle_drain)
        signal.siginterrupt(DRAIN, False)

    def handle_exit(self, sig: int, frame: object) -> None:
        """SIGTERM: stop as soon as the event loop runs again."""
        super().handle_exit(sig, frame)
        gevent.get_hub().loop.run_callback_threadsafe(self._stopping.set)

    def handle_drain(self, _signal: int, _frame: object) -> None:
        """Move the clients to the other workers, and end."""
        self._draining = True
        gevent.get_hub().loop.run_callback_threadsafe(self._stopping.set)

    def handle(self, listener: Any, client: Connection, address: Any) -> None:
        """Serve one connection until its end."""
        if not self.alive:
            client.close()  # It was accepted just before the listeners closed.
            return
        admission = self._admission
        if admission and not admission.trusted_proxies and not client.held:
            client.held = Held.if_admitted(admission, peer_address(address))
            if not client.held:
                _refuse(client, admission.max_open)
                client.close()
                return
        client.opened()
        self._idle.add(client)
        self._connections.add(client)
        try:
            super().handle(listener, client, address)
        finally:
            self._idle.discard(client)
            self._connections.discard(client)
            client.authenticated()

    def handle_request(self, listener_name: Any, request: Request, client: Connection, address: Any) -> None:
        """Serve one request of a connection, or transfer the connection; StopIteration ends the connection."""
        # The length of a chunked body is unknown, so assume the maximum.
        size = body_length(request, self._max_body)
        if self._idle_are_ended and client in self._idle and size:
            raise StopIteration  # The head arrived just before the end and the body is incomplete: the client retries.
        self._idle.discard(client)
        # A connection of METRICS_PORT stays here: another worker would serve the whole API on it.
        is_public = listener_name == self._first_listener.getsockname()
        if is_public and self.transfer and self.transfer.send_connection(request, client):
            raise StopIteration
        if self._draining:
            close_after_response(request)
        client.requested(min(size, self._max_body))
        turns.wait(Work.HANDSHAKE if is_handshake(request) else Work.REQUEST)
        try:
            super().handle_request(listener_name, request, client, address)
        except OSError as error:
            if error.errno is None:
                # Raised by Engine.IO for a client that left during an upgrade: not an error.
                raise StopIteration from error
            raise
        if not self.alive or client.late:
            raise StopIteration
        client.responded()
        self._idle.add(client)

    def handle_error(self, request: Any, client: socket.socket, address: Any, error: BaseException) -> None:
        """Called by gunicorn for a request that it could not read; connections that this worker ended are no errors."""
        if not isinstance(error, gevent.GreenletExit):
            super().handle_error(request, client, address, error)

    def _take_over(self, messenger: Any, _address: Any) -> None:
        """Serve a connection that another worker accepted."""
        if client := receive_connection(messenger):
            try:
                address = client.getpeername()
            except OSError:
                client.close()  # The client left meanwhile.
            else:
                if self._admission and not self._admission.trusted_proxies:
                    # The worker that accepted it has counted it.
                    client.held = Held(self._admission, peer_address(address))
                self.handle(self._first_listener, client, address)

    def _handler(self, listener: Any) -> Any:
        name = Listener(listener)
        return lambda client, address: self.handle(name, client, address)


def _refuse(connection: Any, limit: int) -> None:
    from chatapp.core.errors import RateLimited
    from chatapp.server.problems import from_error

    detail = f"Too many connections without a token: {limit} at a time."
    _write(connection, from_error(RateLimited(RETRY_SECONDS, limit, detail)), "Too Many Requests")


def _write_problem(connection: Any, status: int, reason: str, detail: str) -> None:
    """Called by gunicorn to respond to a request that it could not read: with a problem instead of HTML."""
    from chatapp.server.problems import problem, respond

    _write(connection, respond(problem(status, detail or reason)), reason)


def _write(connection: Any, response: Any, reason: str) -> None:
    from chatapp.server.headers import complete

    lines = [f"HTTP/1.1 {response.status_code} {reason}", "Connection: close"]
    lines += (f"{name}: {value}" for name, value in complete(response.headers.to_wsgi_list()))
    write_without_waiting(connection, ("\r\n".join(lines) + "\r\n\r\n").encode() + response.get_data())


respond_to_invalid_requests(_write_problem)
