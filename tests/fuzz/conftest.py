"""A server for invalid input, and an unrelated client that must not be affected."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, settings

from tests.conftest import NewDatabase
from tests.fuzz.raw_clients import Polling, RawWebSocket
from tests.people import Person, data, register
from tests.server import Server
from tests.socket_clients import PyClient, SocketClient

# The same cases in every run; FUZZ_EXAMPLES asks for more of them, and for new ones.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
hard = settings(
    max_examples=EXAMPLES or 100,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session")
def target(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for these tests, with its own database: in that of `server` it would take the jobs of `server`."""
    with Server(new_database("chat_fuzz"), tmp_path_factory.mktemp("target")) as server:
        yield server


@pytest.fixture(scope="session")
def mallory(target: Server) -> Person:
    """The sender of all input."""
    return register(target.url, "mallory")


@pytest.fixture(scope="session")
def chat(target: Server, mallory: Person) -> str:
    """A group of mallory."""
    return str(data(mallory.post("/chats/groups", {"name": "Ours"}))["id"])


@pytest.fixture(scope="module")
def neighbour(target: Server) -> Iterator[SocketClient]:
    """The socket of an unrelated user."""
    socket = PyClient.connect(target.url, register(target.url, "neighbour").token, transports=["websocket"])
    yield socket
    socket.disconnect()


@pytest.fixture
def websocket(target: Server, mallory: Person) -> Iterator[RawWebSocket]:
    """A socket of mallory, which must survive all input."""
    with RawWebSocket(target.url) as socket:
        yield socket.join(mallory.token)


@pytest.fixture
def polling(target: Server, mallory: Person) -> Iterator[Polling]:
    """The same, over long polling."""
    with Polling(target.url) as session:
        yield session.join(mallory.token)


@pytest.fixture(autouse=True)
def unaffected(target: Server, neighbour: SocketClient) -> Iterator[None]:
    """After each test the unrelated client works and has received nothing, and the log contains no error."""
    before = len(target.errors_in_log())
    yield
    neighbour.flush()
    assert neighbour.received() == []
    assert target.errors_in_log()[before:] == []


@pytest.fixture(scope="session")
def asyncapi(target: Server) -> dict[str, Any]:
    """The published AsyncAPI document."""
    return requests.get(f"{target.url}/api/v1/asyncapi.json", timeout=20).json()  # type: ignore[no-any-return]


def problems(packets: list[str]) -> list[int]:
    """The statuses of the received problems."""
    found = []
    for packet in packets:
        if packet.startswith("42/chat,"):
            name, payload = json.loads(packet[8:])
            found += [status_of(payload)] if name == "exception" else []
        elif packet.startswith("43/chat,"):
            (response,) = json.loads(packet[packet.index("[") :])
            found += [] if response["ok"] else [status_of(response["error"])]
    return found


def status_of(problem: dict[str, Any]) -> int:
    """The status of a problem, after checking its format."""
    assert {"code", "detail", "status", "title", "type"} <= set(problem)
    assert set(problem) <= {"code", "detail", "status", "title", "type", "errors", "retryAfter"}
    return int(problem["status"])
