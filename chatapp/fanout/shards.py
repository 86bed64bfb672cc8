"""Connections to Redis for publish/subscribe: to a single server, or to each node of a Cluster.

A sharded channel is in a slot, which one node has. There is one way for both: a single server has all channels.
"""

from collections import defaultdict
from collections.abc import Iterable

import redis

from chatapp.compat.redis import Address, Link, Moved, Topology, encode, encode_publish

# Commands per write.
MAX_COMMANDS = 1000
_PING = b"*1\r\n$4\r\nPING\r\n"


class Shards:
    """The connections of this worker: for each node one to publish, and one to receive messages.

    `silence` is the time without a message after which a receiving connection counts as broken, `timeout` the one for
    everything else.
    """

    def __init__(self, url: str, *, timeout: float, silence: float) -> None:
        self._topology = Topology(url, timeout=timeout)
        self._timeout, self._silence = timeout, silence
        self._senders: dict[Address | None, Link] = {}
        self._receivers: dict[Address | None, Link] = {}
        self._bytes = 0

    @property
    def bytes_read(self) -> int:
        """The bytes that were received in messages."""
        return self._bytes + sum(link.bytes_read for link in self._receivers.values())

    @property
    def is_cluster(self) -> bool:
        """True if there may be several nodes."""
        return None not in self._topology.nodes

    def __str__(self) -> str:
        nodes = len(self._topology.nodes)
        return f"{self._topology.version}{f', a Cluster of {nodes} nodes' if self.is_cluster else ''}"

    def open(self) -> list[Link]:
        """Find the nodes and connect to them; returns the receiving connections. Raises redis.RedisError."""
        self.close()
        self._topology.discover()
        self._senders = {node: self._topology.link(node, self._timeout) for node in self._topology.nodes}
        self._receivers = {node: self._topology.link(node, self._silence) for node in self._topology.nodes}
        for link in self._receivers.values():
            link.open()
        return list(self._receivers.values())

    def close(self) -> None:
        """Close the receiving connections. A publication that is on its way ends by itself, and its connection with it."""
        self._bytes = self.bytes_read
        for link in self._receivers.values():
            link.close()
        self._receivers = {}

    def subscribe(self, channels: Iterable[bytes]) -> None:
        """Subscribe to channels; each confirmation is a message. Raises redis.RedisError."""
        self._send(b"SSUBSCRIBE", channels)

    def unsubscribe(self, channels: Iterable[bytes]) -> None:
        """Unsubscribe from channels; raises redis.RedisError."""
        self._send(b"SUNSUBSCRIBE", channels)

    def publish(self, waiting: dict[bytes, bytes]) -> dict[bytes, int]:
        """Publish a message per channel; returns the number of its receivers. Raises redis.RedisError.

        What is published is removed from `waiting`, whatever happens to the rest. Messages whose slot has moved stay
        there.
        """
        portions: dict[Link, list[bytes]] = defaultdict(list)
        for channel in waiting:
            portions[self._senders[self._topology.node_of(channel)]].append(channel)
        receivers: dict[bytes, int] = {}
        failure: redis.RedisError | None = None
        # All nodes work at the same time.
        sent = []
        for link, channels in portions.items():
            try:
                link.open()
                link.send(b"".join([encode_publish(channel, waiting[channel]) for channel in channels]))
                sent.append(link)
            except redis.RedisError as error:
                failure = error
        for link in sent:
            channels = portions[link]
            try:
                replies = link.replies(len(channels))
            except redis.RedisError as error:
                failure = error
                continue
            for channel, reply in zip(channels, replies, strict=True):
                if isinstance(reply, int):
                    receivers[channel] = reply
                    del waiting[channel]
                else:
                    # Raised after the replies of all nodes: the next publication would take them for its own.
                    failure = self._failure(reply) or failure
        if failure:
            raise failure
        return receivers

    def _failure(self, reply: redis.RedisError) -> redis.RedisError | None:
        if not isinstance(reply, Moved):
            return reply
        try:
            self.move(reply)
        except redis.RedisError as error:
            return error
        return None

    def move(self, error: Moved) -> None:
        """Note where a slot has moved; raises redis.RedisError for a node that is new."""
        self._topology.move(error)

    def probe(self, channel: bytes) -> None:
        """Subscribe to a channel and wait for the confirmation; raises redis.RedisError."""
        self.subscribe([channel])
        self._receivers[self._topology.node_of(channel)].messages()

    def ping(self) -> None:
        """Make each node of a Cluster send something, so that its silence is noticed; raises redis.RedisError."""
        if self.is_cluster:
            for link in self._receivers.values():
                link.send(_PING)

    def _send(self, command: bytes, channels: Iterable[bytes]) -> None:
        portions: dict[Link, list[bytes]] = defaultdict(list)
        for channel in channels:
            if link := self._receivers.get(self._topology.node_of(channel)):
                portions[link].append(encode(command, channel))
        for link, commands in portions.items():
            for start in range(0, len(commands), MAX_COMMANDS):
                link.send(b"".join(commands[start : start + MAX_COMMANDS]))
