"""Moves a client's connection to the worker that it is about, so that any number of workers share one port.

A socket's session lives in one worker, while any worker may accept its client's next connection. A session's id begins
with its worker's, therefore, and whoever reads another's in a request moves the connection there:

    who accepted: reads a request's head → its sid names another → sends that one the connection and the bytes read
    whose it is:  reads on from the first of these bytes, as if it had accepted the connection

No answer passes through a second process. Polls, posts and upgrades, bodies of any kind and requests that follow on the
same connection need nothing of their own. Each worker is found by a unix socket of its own in a folder of the server.
"""

import fcntl
import os
import re
import shutil
import socket
import struct
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent
from gevent import monkey
from gevent.socket import socket as GeventSocket

from chatapp.realtime.connections import Connection

SOCKETIO_PATH = "/socket.io/"
# Between two workers, for what was read of a connection to be written and read.
TRANSFER_TIMEOUT = 5.0
WAITING_CONNECTIONS = 1024
# Of a unix socket's path, which may have about 100 bytes.
MAX_PARENT_LENGTH = 60
PREFIX = "chatapp-workers-"
_SESSION = re.compile(r"(?:^|&)sid=([0-9a-f]{8})\.")
# As Engine.IO reads a query: a `sid` without a value is none.
_ANY_SESSION = re.compile(r"(?:^|&)sid=([^&]+)")
_LENGTH = struct.Struct("!I")


def make_folder(uid: int, gid: int) -> Path:
    """A new folder for what a server's workers share, which only this user may enter. Raises OSError.

    It is locked as long as a process of this server lives. Those of servers that were killed are removed.
    """
    parent = Path(tempfile.gettempdir())
    if len(os.fsencode(parent)) > MAX_PARENT_LENGTH:
        parent = Path("/tmp")  # noqa: S108
    for other in parent.glob(f"{PREFIX}*"):
        _remove_if_dead(other)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    os.chown(folder, uid, gid)
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)
    return folder


def _remove_if_dead(folder: Path) -> None:
    """Remove another server's folder, unless one of its processes lives. An empty one may be about to be locked."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Another user's, or gone.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if any(folder.iterdir()):
            shutil.rmtree(folder)
    except OSError:
        pass  # It lives.
    finally:
        os.close(lock)


class ConnectionTransfer:
    """A worker's place among those that hand connections to each other, by way of `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Unlike a pid never used again: nobody is taken for an earlier worker.
        self.worker = os.urandom(4).hex()

    def mark(self, generate_id: Callable[[], str]) -> Callable[[], str]:
        """A maker of session ids that name this worker, from one of ids that don't."""
        return lambda: f"{self.worker}.{generate_id()}"

    def open(self) -> Any:
        """The listening socket where others hand over what is this worker's, each on a connection for `receive_connection`."""
        listener = GeventSocket(socket.AF_UNIX)
        listener.bind(str(self._folder / self.worker))
        listener.listen(WAITING_CONNECTIONS)
        return listener

    def close(self) -> None:
        """Have nobody hand over to this worker any more."""
        (self._folder / self.worker).unlink(missing_ok=True)

    def send_connection(self, request: Any, connection: Any) -> bool:
        """Give a connection to the worker that the request's session names, and have the caller close it unanswered.

        False when that is this worker, or nobody who can take it: then nothing has happened, and the request is the
        caller's to answer. Engine.IO knows no such session and says so, and its client begins a new one.
        """
        named = _SESSION.search(request.query) if request.path.startswith(SOCKETIO_PATH) else None
        if not named or named[1] == self.worker:
            return False
        beyond = request.unreader.take_buffered()
        try:
            self._send(named[1], connection.fileno(), _head(request) + beyond)
        except OSError:
            request.unreader.unread(beyond)
            return False
        stop_watching(connection.fileno())
        return True

    def _send(self, worker: str, descriptor: int, read: bytes) -> None:
        with GeventSocket(socket.AF_UNIX) as messenger:
            # At once or not at all: only where a worker hangs do as many wait as may.
            messenger.setblocking(False)
            messenger.connect(str(self._folder / worker))
            messenger.settimeout(TRANSFER_TIMEOUT)
            message = _LENGTH.pack(len(read)) + read
            sent = socket.send_fds(messenger, [message], [descriptor])
            messenger.sendall(message[sent:])


def session_of(environ: Mapping[str, Any]) -> str | None:
    """The session that a request to Engine.IO names; None for a handshake."""
    named = _ANY_SESSION.search(environ.get("QUERY_STRING", ""))
    return named[1] if named else None


def receive_connection(messenger: Any) -> Connection | None:
    """The connection that another worker hands over; None when that worker gave up on the way and keeps it."""
    messenger.settimeout(TRANSFER_TIMEOUT)
    with messenger, messenger.makefile("rb") as rest:
        try:
            length, descriptors, _, _ = socket.recv_fds(messenger, _LENGTH.size, 1)
        except OSError:
            return None
        if not descriptors:
            return None
        os.set_inheritable(descriptors[0], False)
        connection = Connection(fileno=descriptors[0])
        try:
            (size,) = _LENGTH.unpack(length)
            connection.read_before = rest.read(size)
        except (OSError, struct.error):
            size = -1
        if len(connection.read_before) == size:
            return connection
        connection.close()
        return None


def _head(request: Any) -> bytes:
    """A request's head, as gunicorn read it, for gunicorn to read again."""
    major, minor = request.version
    # Without a space after the colon, lest a line be longer than the client's was.
    fields = (f"{name}:{value}" for name, value in request.headers)
    return "\r\n".join([f"{request.method} {request.uri} HTTP/{major}.{minor}", *fields, "", ""]).encode("latin-1")


def stop_watching(descriptor: int) -> None:
    """Take a connection that goes on elsewhere out of the event loop's epoll, where closing it here would leave it.

    libev would mend that when something happens on it, at the price of a new epoll for all connections of this worker.
    """
    loop = gevent.get_hub().loop
    if loop.backend == "epoll":
        try:
            with monkey.get_original("select", "epoll").fromfd(os.dup(loop.fileno())) as epoll:
                epoll.unregister(descriptor)
        except OSError:
            pass  # It never had to be waited for.
