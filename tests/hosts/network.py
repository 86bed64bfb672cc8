"""Network namespaces on one bridge, in 10.77.0.0/24, which no other network of the machine sees."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

import pytest


def can_make_namespaces() -> bool:
    """Whether this process may create namespaces; containers often may not."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"):
        return False
    probe = f"c{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode == 0
    subprocess.run(["ip", "netns", "delete", probe], capture_output=True)
    return made


needs_namespaces = pytest.mark.skipif(
    not can_make_namespaces(), reason="network namespaces need Linux, root, its capabilities, and iproute2"
)
# A hardware address that no interface has.
NOWHERE = "02:00:00:00:00:fe"


def run(*command: str) -> None:
    """Run a command; AssertionError with its output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


class Network:
    """Machines by name, each with an address. They reach each other until `unplug` or `separate`."""

    def __init__(self, *names: str) -> None:
        # Names of interfaces have at most 15 characters; concurrent test runs share the machine.
        self._prefix = f"c{os.getpid()}"
        self._addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, start=2)}
        self._switch = f"{self._prefix}-switch"

    def __enter__(self) -> Self:
        try:
            run("ip", "netns", "add", self._switch)
            run("ip", "-n", self._switch, "link", "add", "bridge", "type", "bridge")
            run("ip", "-n", self._switch, "link", "set", "bridge", "up")
            for name, address in self._addresses.items():
                host = self.namespace(name)
                run("ip", "netns", "add", host)
                run(
                    "ip",
                    "link",
                    "add",
                    "eth0",
                    "netns",
                    host,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    name,
                    "netns",
                    self._switch,
                )
                run("ip", "-n", self._switch, "link", "set", name, "master", "bridge", "up")
                run("ip", "-n", host, "addr", "add", f"{address}/24", "dev", "eth0")
                for interface in ("lo", "eth0"):
                    run("ip", "-n", host, "link", "set", interface, "up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for namespace in (self._switch, *map(self.namespace, self._addresses)):
            with suppress(AssertionError):
                run("ip", "netns", "delete", namespace)

    def namespace(self, name: str) -> str:
        """The namespace of a machine."""
        return f"{self._prefix}-{name}"

    def address(self, name: str) -> str:
        """The IP address of a machine."""
        return self._addresses[name]

    def unplug(self, name: str) -> None:
        """Drop all packets from and to a machine."""
        run("ip", "-n", self._switch, "link", "set", name, "down")

    def plug(self, name: str) -> None:
        """Undo `unplug`."""
        run("ip", "-n", self._switch, "link", "set", name, "up")

    def separate(self, one: str, other: str) -> None:
        """Drop all packets between two machines: each sends them to a hardware address that no interface has."""
        for here, there in ((one, other), (other, one)):
            address = self.address(there)
            neighbour = ["neigh", "replace", address, "lladdr", NOWHERE, "dev", "eth0", "nud", "permanent"]
            run("ip", "-n", self.namespace(here), *neighbour)

    def join(self, one: str, other: str) -> None:
        """Undo `separate`."""
        for here, there in ((one, other), (other, one)):
            run("ip", "-n", self.namespace(here), "neigh", "del", self.address(there), "dev", "eth0")
