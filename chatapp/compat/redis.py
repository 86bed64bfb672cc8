"""Low-level names of redis-py, and the connections of the bus (`fanout/bus.py`).

- `make_connection` of a pool, and `send_command` and `read_response` of the connection: one connection that no pool
  manages, since a client retries by itself, which hides lost events from the bus.
- `_sock` of a connection: an event of a chat is a small message, and the library's parser would take longer for it than
  all the rest of its processing (docs/decisions/0094-publish-subscribe-by-chat.md).
- `NodesManager`, and `nodes_manager` of a client: the nodes of a Cluster, and which of them has a slot.
"""

from binascii import crc_hqx
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from gevent.lock import BoundedSemaphore
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, NodesManager, RedisCluster
from redis.connection import parse_url
from redis.exceptions import MovedError, RedisClusterException
from redis.retry import Retry

TESTED = ("8.1.0", "8.1.0")

# `read_response` doesn't return messages of RESP3, the default since redis-py 8.
PROTOCOL = 2
# The first version of Redis with sharded publish/subscribe; all versions of Valkey have it.
MIN_VERSION = 7
SLOTS = 16384
DEFAULT_PORT = 6379
READ_SIZE = 65536
# How a message of a channel begins.
_MESSAGE = b"*3\r\n$8\r\nsmessage\r\n"

Address = tuple[str, int]
# What a subscriber receives: smessage, ssubscribe or sunsubscribe; the channel; the contents.
Message = tuple[bytes, bytes, bytes]
# The response to a command whose slot another node has.
Moved = MovedError


class Link:
    """A connection, which is closed by a failure; a longer wait raises redis.TimeoutError.

    It is used either for commands (`send`, then `replies`) or for subscriptions (`send` and `messages`).
    """

    def __init__(self, url: str, address: Address | None, *, timeout: float, connect_timeout: float) -> None:
        self._connection = _bare_connection(url, address, timeout, connect_timeout)
        # A Unix socket has none.
        self._host = str(getattr(self._connection, "host", ""))
        self._unread = b""
        # Commands of two greenlets must not mix.
        self._sending = BoundedSemaphore()
        self.bytes_read = 0

    def open(self) -> None:
        """Connect, unless the connection is open; raises redis.RedisError."""
        if self._connection._sock is None:
            self._unread = b""
            self._connection.connect()

    def send(self, commands: bytes) -> None:
        """Send commands (`encode`) over the open connection; raises redis.RedisError."""
        with self._sending:
            if self._connection._sock is None:
                raise redis.ConnectionError("The connection is closed.")
            try:
                self._connection._sock.sendall(commands)
            except OSError as error:
                raise self._failed(error) from error

    def replies(self, count: int) -> list[int | redis.RedisError]:
        """The responses to commands that return a number or an error; raises redis.RedisError."""
        while self._unread.count(b"\r\n") < count:
            self._unread += self._read()
        *lines, self._unread = self._unread.split(b"\r\n", count)
        return [int(line[1:]) if line[:1] == b":" else self._error(line) for line in lines]

    def messages(self) -> list[Message]:
        """The messages that have arrived, at least one. Raises redis.RedisError, which may be the response to a
        command: the messages after that are not lost."""
        while True:
            if self._unread[:1] == b"-":
                line, is_complete, rest = self._unread.partition(b"\r\n")
                if is_complete:
                    self._unread = rest
                    raise self._error(line)
            messages, length, missing = parse(self._unread)
            self._unread = self._unread[length:]
            if messages:
                return messages
            self._unread = b"".join((self._unread, *self._read_at_least(missing)))

    def close(self) -> None:
        """Close the connection, if it is open."""
        self._connection.disconnect()

    def _read_at_least(self, count: int) -> list[bytes]:
        parts = []
        while count > 0:
            parts.append(self._read())
            count -= len(parts[-1])
        return parts

    def _read(self) -> bytes:
        try:
            # None after `close` by another greenlet.
            data: bytes = self._connection._sock.recv(READ_SIZE) if self._connection._sock else b""
        except OSError as error:
            raise self._failed(error) from error
        if not data:
            raise self._failed(ConnectionError("Redis closed the connection."))
        self.bytes_read += len(data)
        return data

    def _failed(self, error: OSError) -> redis.RedisError:
        self.close()
        if isinstance(error, TimeoutError):
            return redis.TimeoutError("Redis does not respond.")
        return redis.ConnectionError(str(error))

    def _error(self, line: bytes) -> redis.RedisError:
        code, _, detail = line[1:].decode(errors="replace").partition(" ")
        if code != "MOVED":
            return redis.ResponseError(f"{code} {detail}")
        moved = MovedError(detail)
        # Without a host it is that of the node which responds.
        moved.host = moved.host or self._host
        return moved


class _Incomplete(Exception):
    """So many bytes are missing, at least."""


def parse(data: bytes) -> tuple[list[Message], int, int]:
    """The messages at the beginning of `data`, up to an error; their length in bytes, and how many bytes the next one
    lacks, at least."""
    found: list[Message] = []
    at = 0
    try:
        while at < len(data) and data[at] != ord("-"):
            if data.startswith(_MESSAGE, at):
                channel, end = _element(data, at + len(_MESSAGE))
                contents, at = _element(data, end)
                found.append((b"smessage", channel, contents))
            elif data[at] == ord("*"):
                # A confirmation, or the response to PING.
                count, end = _element(data, at)
                elements = []
                for _ in range(int(count)):
                    element, end = _element(data, end)
                    elements.append(element)
                found.append((elements[0], elements[1], elements[-1]))
                at = end
            else:
                # The response to PING without a subscription.
                at = _element(data, at)[1]
                found.append((b"pong", b"", b""))
    except _Incomplete as error:
        return found, at, int(error.args[0])
    return found, at, 1


def _element(data: bytes, at: int) -> tuple[bytes, int]:
    """The string or number at a position, and the position after it."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete(1)
    if data[at] != ord("$"):
        return data[at + 1 : end], end + 2
    stop = end + 2 + int(data[at + 1 : end])
    if len(data) < stop + 2:
        raise _Incomplete(stop + 2 - len(data))
    return data[end + 2 : stop], stop + 2


def encode(command: bytes, channel: bytes) -> bytes:
    """A command about a channel, as `Link.send` sends it."""
    return b"*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(command), command, len(channel), channel)


def encode_publish(channel: bytes, message: bytes) -> bytes:
    """The command that publishes a message."""
    return b"*3\r\n$8\r\nSPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(channel), channel, len(message), message)


def slot_of(channel: bytes) -> int:
    """The slot of a channel; its name contains no hash tag."""
    return crc_hqx(channel, 0) % SLOTS


class Topology:
    """The server or the Cluster behind a URL: its nodes, and which of them has a channel.

    A node is None for a single server. The nodes are those of the last `discover`; their slots may move.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        self.url = url
        self._timeout = timeout
        # The name and version of the server.
        self.version = ""
        self.nodes: Sequence[Address | None] = ()
        # Of a Cluster the node of each slot.
        self._slots: list[Address] = []

    def discover(self) -> None:
        """Read the nodes, of a Cluster from any of its nodes that responds; raises redis.RedisError."""
        try:
            about = _hello(self.url, self._timeout)
            is_cluster = _is_cluster(about)
            self.version = f"{about['server']} {about['version']}"
        except (redis.ConnectionError, redis.TimeoutError):
            if not self._slots:
                raise
            is_cluster = True
        self._slots = self._read_slots() if is_cluster else []
        self.nodes = list(dict.fromkeys(self._slots)) or [None]

    def node_of(self, channel: bytes) -> Address | None:
        """The node that has a channel."""
        return self._slots[slot_of(channel)] if self._slots else None

    def move(self, error: Moved) -> None:
        """Note where a slot has moved; raises redis.ConnectionError for a new node, with which `discover` begins."""
        address = (str(error.host), int(error.port))
        if address not in self.nodes:
            raise redis.ConnectionError(f"The Cluster has a new node {address[0]}:{address[1]}.")
        self._slots[error.slot_id] = address

    def link(self, address: Address | None, timeout: float) -> Link:
        """A connection to a node."""
        return Link(self.url, address, timeout=timeout, connect_timeout=self._timeout)

    def _read_slots(self) -> list[Address]:
        options = _options(self.url, self._timeout, self._timeout)
        addresses = dict.fromkeys([_pop_address(options), *self._slots])
        # The client of a Cluster would also read the descriptions of all commands, which takes 0.1 s.
        nodes = [ClusterNode(*address) for address in addresses]  # type: ignore[no-untyped-call]
        with cluster_errors():
            manager = NodesManager(nodes, from_url=True, **options)
        manager.close()
        slots = manager.slots_cache
        if len(slots) < SLOTS:
            raise redis.ConnectionError(f"The Cluster has nodes for {len(slots)} of its {SLOTS} slots only.")
        return [(str(slots[slot][0].host), int(slots[slot][0].port)) for slot in range(SLOTS)]


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Raise redis.ConnectionError for what redis-py raises besides redis.RedisError and OSError when a Cluster fails.

    Use it around every command of the client.
    """
    try:
        yield
    except RedisClusterException as error:
        raise redis.ConnectionError(str(error)) from error
    except IndexError as error:
        # The first of no nodes.
        raise redis.ConnectionError("The Cluster has no node with slots.") from error


def make_client(url: str, *, timeout: float) -> Any:
    """A client of the server or the Cluster behind a URL, for use within `cluster_errors`.

    Raises redis.RedisError or OSError.
    """
    # A connection that was closed while idle is reopened at once.
    retry = Retry(NoBackoff(), 1)
    if not _is_cluster(_hello(url, timeout)):
        return redis.Redis.from_url(url, protocol=PROTOCOL, retry=retry, socket_timeout=timeout)
    with cluster_errors():
        return RedisCluster.from_url(
            url,
            protocol=PROTOCOL,
            retry=retry,
            require_full_coverage=False,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )


def refresh(client: Any, url: str) -> None:
    """Read the nodes of a Cluster again, from those that the client knows or that of the URL; raises redis.RedisError.

    A client that knows no slots any more, or nodes at old addresses only, never does so by itself.
    """
    if isinstance(client, RedisCluster):
        with cluster_errors():
            client.nodes_manager.initialize([_pop_address(parse_url(url))])  # type: ignore[no-untyped-call]


def _hello(url: str, timeout: float) -> dict[str, Any]:
    """What a server says of itself; raises redis.RedisError, for one that is too old too."""
    connection = _bare_connection(url, None, timeout, timeout)
    try:
        # Every user may call it.
        connection.send_command("HELLO", PROTOCOL)
        said = [each.decode() if isinstance(each, bytes) else each for each in connection.read_response()]
    finally:
        connection.disconnect()
    about = dict(zip(said[::2], said[1::2], strict=False))
    if int(about["version"].partition(".")[0]) < MIN_VERSION:
        raise redis.ResponseError(
            f"{about['server']} {about['version']} is too old: Redis {MIN_VERSION} or later, or Valkey, is needed."
        )
    return about


def _is_cluster(about: dict[str, Any]) -> bool:
    return bool(about["mode"] == "cluster")


def _options(url: str, timeout: float, connect_timeout: float) -> dict[str, Any]:
    options: dict[str, Any] = {
        "protocol": PROTOCOL,
        "socket_timeout": timeout,
        "socket_connect_timeout": connect_timeout,
        "socket_keepalive": True,
    }
    options |= parse_url(url)  # type: ignore[no-untyped-call]
    return options


def _pop_address(options: dict[str, Any]) -> Address:
    return options.pop("host", "localhost"), options.pop("port", DEFAULT_PORT)


def _bare_connection(url: str, address: Address | None, timeout: float, connect_timeout: float) -> Any:
    options = _options(url, timeout, connect_timeout)
    if address:
        options["host"], options["port"] = address
    return redis.ConnectionPool(**options).make_connection()
