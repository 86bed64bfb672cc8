"""A Redis Cluster of real servers, whose slots move as an operator moves them."""

import secrets
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from chatapp.compat.redis import SLOTS
from chatapp.launcher.process import wait_for
from chatapp.launcher.valkey import EmbeddedValkey
from tests.server import free_port


class RedisCluster:
    """`count` nodes, each with its part of the slots. `url` names the first one."""

    def __init__(self, folder: Path, count: int = 3) -> None:
        password = secrets.token_urlsafe(24)
        self.nodes = [
            EmbeddedValkey(
                folder / f"node{number}",
                "cluster-enabled yes",
                "cluster-node-timeout 2000",
                f"cluster-port {free_port()}",
                password=password,
            )
            for number in range(count)
        ]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for node in self.nodes:
                stack.enter_context(node)
            share = SLOTS // len(self.nodes)
            for number, node in enumerate(self.nodes):
                last = SLOTS if number == len(self.nodes) - 1 else (number + 1) * share
                self.client(node).execute_command("CLUSTER ADDSLOTSRANGE", number * share, last - 1)
            first = self.client(self.nodes[0])
            for node in self.nodes[1:]:
                first.execute_command("CLUSTER MEET", "127.0.0.1", self._port(node), self._bus_port(node))
            assert wait_for(self.is_complete, 20), "the nodes do not find each other"
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The URL of one node."""
        return self.nodes[0].url

    @staticmethod
    def client(node: EmbeddedValkey) -> Any:
        """A client of one node."""
        return redis.Redis.from_url(node.url, protocol=2, socket_timeout=5)

    def is_complete(self) -> bool:
        """True once each node knows all of them, and which has which slot."""
        try:
            infos = [self.client(node).execute_command("CLUSTER INFO") for node in self.nodes]
        except redis.RedisError:
            return False
        return all(
            info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == len(self.nodes) for info in infos
        )

    def owner(self, slot: int) -> EmbeddedValkey:
        """The node that has a slot."""
        connection = self.client(self.nodes[0]).connection_pool.make_connection()
        connection.send_command("CLUSTER", "SLOTS")
        for first, last, primary, *_ in connection.read_response():
            if first <= slot <= last:
                return next(node for node in self.nodes if self._port(node) == primary[1])
        raise AssertionError(f"slot {slot} has no node")

    def move(self, slot: int, target: EmbeddedValkey | None = None) -> EmbeddedValkey:
        """Move a slot to a node, by default to the next one, with its keys; returns the node."""
        source = self.owner(slot)
        target = target or self.nodes[(self.nodes.index(source) + 1) % len(self.nodes)]
        here, there = self.client(source), self.client(target)
        here_id, there_id = self._id(source), self._id(target)
        there.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", here_id)
        here.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", there_id)
        while keys := here.execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
            password = target.url.split(":")[2].split("@")[0]
            here.execute_command(
                "MIGRATE", "127.0.0.1", self._port(target), "", 0, 5000, "AUTH", password, "KEYS", *keys
            )
        for client in (there, here, *(self.client(node) for node in self.nodes if node not in (source, target))):
            client.execute_command("CLUSTER SETSLOT", slot, "NODE", there_id)
        return target

    def _id(self, node: EmbeddedValkey) -> str:
        said = self.client(node).execute_command("CLUSTER MYID")
        return said.decode() if isinstance(said, bytes) else str(said)

    @staticmethod
    def _port(node: EmbeddedValkey) -> int:
        return int(node.url.rsplit(":", 1)[1].split("/")[0])

    def _bus_port(self, node: EmbeddedValkey) -> int:
        return int(self.client(node).config_get("cluster-port")["cluster-port"])
