"""Moves a client's connection to the worker that owns its session, so that all workers share one port.

A socket's session lives in one worker, while any worker may accept the client's next connection. Session ids therefore
begin with the id of their worker, and a worker that reads another worker's id in a request sends the connection there:

    accepting worker: reads a request's head → its sid names another worker → sends it the connection and the bytes read
    owning worker:    continues with the first of these bytes, as if it had accepted the connection

Responses don't pass through a second process. Polls, posts, upgrades, bodies of any kind and pipelined requests need no
special handling. Each worker listens on a unix socket in a folder of the server.
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

from gevent import monkey
from gevent.socket import socket as GeventSocket

from chatapp.compat.gevent import epoll_descriptor
from chatapp.compat.gunicorn import Request, head_of, return_read_ahead, take_read_ahead
from chatapp.server.connections import Connection

SOCKETIO_PATH = "/socket.io/"
# For one worker to send, and the other to receive, what was read of a connection.
TRANSFER_TIMEOUT = 5.0
WAITING_CONNECTIONS = 1024
# Of a unix socket's path, which is limited to about 100 bytes.
MAX_PARENT_LENGTH = 60
PREFIX = "chatapp-workers-"
_SESSION = re.compile(r"(?:^|&)sid=([0-9a-f]{8})\.")
# As Engine.IO parses a query: a `sid` without a value does not count.
_ANY_SESSION = re.compile(r"(?:^|&)sid=([^&]+)")
_LENGTH = struct.Struct("!I")


def make_folder(uid: int, gid: int) -> Path:
    """Create a folder for the workers' sockets, accessible only to this user. Raises OSError.

    It stays locked while a process of this server lives. Folders of servers that were killed are removed.
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
    """Remove another server's folder unless a process of it lives. An empty folder may be about to be locked."""
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


def is_handshake(request: Request) -> bool:
    """True if a request opens a new Engine.IO session."""
    return request.path.startswith(SOCKETIO_PATH) and not _ANY_SESSION.search(request.query)


class ConnectionTransfer:
    """Sends connections to other workers, and receives them, through sockets in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Unlike a pid it is never reused, so no worker is mistaken for an earlier one.
        self.worker = os.urandom(4).hex()

    def mark(self, generate_id: Callable[[], str]) -> Callable[[], str]:
        """Wrap a generator of session ids so that the ids name this worker."""
        return lambda: f"{self.worker}.{generate_id()}"

    def open(self) -> Any:
        """Open the socket on which other workers send connections, each for `receive_connection`."""
        listener = GeventSocket(socket.AF_UNIX)
        listener.bind(str(self._folder / self.worker))
        listener.listen(WAITING_CONNECTIONS)
        return listener

    def close(self) -> None:
        """Stop receiving connections from other workers."""
        (self._folder / self.worker).unlink(missing_ok=True)

    def send_connection(self, request: Request, connection: Any) -> bool:
        """Send a connection to the worker that the request's session names; the caller then closes its own descriptor.

        False if that is this worker, or a worker that can't be reached: then the caller serves the request. Engine.IO
        responds that the session is unknown, and the client starts a new one.
        """
        named = _SESSION.search(request.query) if request.path.startswith(SOCKETIO_PATH) else None
        if not named or named[1] == self.worker:
            return False
        beyond = take_read_ahead(request)
        try:
            self._send(named[1], connection.fileno(), head_of(request) + beyond)
        except OSError:
            return_read_ahead(request, beyond)
            return False
        stop_watching(connection.fileno())
        return True

    def _send(self, worker: str, descriptor: int, read: bytes) -> None:
        with GeventSocket(socket.AF_UNIX) as messenger:
            # Without waiting: the queue is full only if the other worker hangs.
            messenger.setblocking(False)
            messenger.connect(str(self._folder / worker))
            messenger.settimeout(TRANSFER_TIMEOUT)
            message = _LENGTH.pack(len(read)) + read
            sent = socket.send_fds(messenger, [message], [descriptor])
            messenger.sendall(message[sent:])


def session_of(environ: Mapping[str, Any]) -> str | None:
    """The session id in a request to Engine.IO; None for a handshake."""
    named = _ANY_SESSION.search(environ.get("QUERY_STRING", ""))
    return named[1] if named else None


def receive_connection(messenger: Any) -> Connection | None:
    """The connection that another worker sends; None if that worker gave up and keeps it."""
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


def stop_watching(descriptor: int) -> None:
    """Remove a connection that another worker continues from the event loop's epoll, where closing it here would leave
    it.

    libev would repair that at its next event, at the cost of a new epoll for all connections of this worker.
    """
    own = epoll_descriptor()
    if own is not None:
        try:
            with monkey.get_original("select", "epoll").fromfd(os.dup(own)) as epoll:
                epoll.unregister(descriptor)
        except OSError:
            pass  # It was never registered.
