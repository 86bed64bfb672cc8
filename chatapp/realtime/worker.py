"""The gunicorn worker: gevent's, but one that ends within moments, however many connections are open.

Named in `gunicorn.conf.py`. On SIGTERM it stops accepting, closes every socket so that its client connects to another
worker, drops the connections on which nothing is asked, and lets running requests finish. One of several moves the
connections that are about another's sessions there (`handover.py`).
"""

import gc
import socket
from pathlib import Path
from typing import Any

import gevent
import orjson
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from chatapp.core import batches
from chatapp.extensions import socketio
from chatapp.realtime import responses
from chatapp.realtime.handover import Exchange, take
from chatapp.realtime.wire import end_stream
from chatapp.rest.headers import complete
from chatapp.rest.problems import problem

NOTIFY_SECONDS = 1.0
FINISH_SECONDS = 3.0


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves until it is told to stop, then takes at most `FINISH_SECONDS` to finish."""

    # Where workers find each other; set in the master, before there are any, if there will be several.
    folder: Path | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exchange = Exchange(self.folder) if self.folder else None
        self._stopping = Event()
        # Connections on which the client has yet to ask something; whether nothing more is read from them.
        self._idle: set[socket.socket] = set()
        self._idle_are_ended = False

    def run(self) -> None:
        """Called by gunicorn once the application is loaded; returns when the worker has ended."""
        responses.install()
        connections = Pool(self.worker_connections)
        servers = [StreamServer(s, handle=self._handler(s), spawn=connections) for s in self.sockets]
        if self.exchange:
            engineio = socketio.server.eio
            engineio.generate_id = self.exchange.mark(engineio.generate_id)
            servers.append(StreamServer(self.exchange.open(), handle=self._take_over, spawn=connections))
        for server in servers:
            # What comes at once is for all workers, not for the one that wakes first.
            server.max_accept = 1
            server.start()
        while self.alive:
            self.notify()
            self._stopping.wait(NOTIFY_SECONDS)
        self.leave()
        for server in servers:
            server.close()
        # Without Engine.IO's CLOSE, which some clients take for "don't come again".
        sessions = list(socketio.server.eio.sockets.values())
        closing = [gevent.spawn(session.close, wait=False, abort=True) for session in sessions]
        self._idle_are_ended = True
        for connection in self._idle:
            end_stream(connection, socket.SHUT_RD)
        with gevent.Timeout(FINISH_SECONDS, False):
            gevent.joinall(closing)
            batches.finish()
            connections.join()
        connections.kill(timeout=NOTIFY_SECONDS)
        # Or the interpreter would take apart, for a second or two, what the kernel takes back at once.
        gc.freeze()

    def leave(self) -> None:
        """Be handed no more connections; called in the master too, for a worker that was killed."""
        if self.exchange:
            self.exchange.close()

    def handle_exit(self, sig: int, frame: object) -> None:
        """SIGTERM: stop as soon as the event loop runs again."""
        super().handle_exit(sig, frame)
        gevent.get_hub().loop.run_callback_threadsafe(self._stopping.set)

    def handle(self, listener: Any, client: socket.socket, address: Any) -> None:
        """Serve one connection until its end."""
        if not self.alive:
            client.close()  # It was accepted just before the listeners closed.
            return
        self._idle.add(client)
        try:
            super().handle(listener, client, address)
        finally:
            self._idle.discard(client)

    def handle_request(self, listener_name: Any, request: Any, client: socket.socket, address: Any) -> None:
        """Serve one request of a connection, or hand it over, connection and all; StopIteration ends the connection."""
        if self._idle_are_ended and client in self._idle and getattr(request.body.reader, "length", True):
            raise StopIteration  # Its head came just before the end, and its body is cut off: the client asks again.
        self._idle.discard(client)
        if self.exchange and self.exchange.hand_over(request, client):
            raise StopIteration
        try:
            super().handle_request(listener_name, request, client, address)
        except OSError as error:
            if error.errno is None:
                # Engine.IO's word for a client that left in the middle of an upgrade: the end, and no error.
                raise StopIteration from error
            raise
        if not self.alive:
            raise StopIteration
        self._idle.add(client)

    def handle_error(self, request: Any, client: socket.socket, address: Any, error: BaseException) -> None:
        """Called by gunicorn for what it could not read; a connection that was ended by us is no such thing."""
        if not isinstance(error, gevent.GreenletExit):
            super().handle_error(request, client, address, error)

    def _take_over(self, messenger: Any, _address: Any) -> None:
        """Serve a connection that another worker accepted."""
        if client := take(messenger):
            try:
                address = client.getpeername()
            except OSError:
                client.close()  # It left meanwhile.
            else:
                self.handle(self.sockets[0], client, address)

    def _handler(self, listener: Any) -> Any:
        return lambda client, address: self.handle(listener, client, address)


def _write_problem(connection: Any, status: int, reason: str, detail: str) -> None:
    """Called by gunicorn to answer what it could not read: in the form of all other refusals, where it writes HTML."""
    body = orjson.dumps(problem(status, detail or reason))
    head = complete([("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))])
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close", *(f"{name}: {value}" for name, value in head)]
    util.write_nonblock(connection, ("\r\n".join(lines) + "\r\n\r\n").encode() + body)


util.write_error = _write_problem
