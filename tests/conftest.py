"""What tests share: one real PostgreSQL, one real server, people who use it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from chatapp.launcher.postgres import EmbeddedPostgres
from tests.people import Person, register
from tests.server import Server, migrate
from tests.socket_clients import JsDriver, PyClient, SocketClient

NewPerson = Callable[..., Person]
# connect(person, transports=…, reconnection=…): a socket of theirs.
Connect = Callable[..., SocketClient]
# What measures time, or fills the machine by itself; of `python -m tests.run`, a phase of their own.
SERIAL = (
    "chaos",
    "hosts",
    "launcher",
    "multiworker",
    "operating",
    "reliability",
    "files/test_downloads.py",
    "files/test_fair_uploads.py",
    "protocol/test_engineio.py",
    "realtime/test_bounds.py",
    "realtime/test_connecting.py",
    "realtime/test_presence.py",
)
# Files and folders that take a minute or more: they start first, so that no process works on them alone in the end.
LONG = ("browser", "clients", "rest/test_schemathesis.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--phase", choices=("parallel", "serial"), help="run one phase of `python -m tests.run`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other phase, and keep those together that share a module's or a package's fixtures."""
    if phase := config.getoption("--phase"):
        kept = [item for item in items if is_serial(item) == (phase == "serial")]
        config.hook.pytest_deselected(items=[item for item in items if is_serial(item) != (phase == "serial")])
        items[:] = kept
    if config.pluginmanager.hasplugin("xdist"):
        items.sort(key=lambda item: not place(item).startswith(LONG))
        for item in items:
            path = place(item)
            item.add_marker(pytest.mark.xdist_group("browser" if path.startswith("browser/") else path))


def is_serial(item: pytest.Item) -> bool:
    """Whether a test has to run while no other does."""
    return place(item).startswith(SERIAL)


def place(item: pytest.Item) -> str:
    """The path of a test's file, from the folder of all tests."""
    return item.path.relative_to(Path(__file__).parent).as_posix()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test run's own, without fsync."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database."""
    postgres.create_database("chat_test")
    url = postgres.url("chat_test")
    migrate(url, tmp_path_factory.mktemp("migrate"))
    return url


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """The truth, to compare with what the doors say."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker and no rate limits; no test may make it log an error."""
    with Server(database_url, tmp_path_factory.mktemp("server")) as server:
        yield server
    assert not server.complaints(), "\n".join(server.complaints())


@pytest.fixture(scope="session")
def register_person(server: Server) -> NewPerson:
    """Makes an account on the shared server."""
    return lambda name="someone": register(server.url, name)


@pytest.fixture
def alice(register_person: NewPerson) -> Person:
    """Somebody new."""
    return register_person("alice")


@pytest.fixture
def bob(register_person: NewPerson) -> Person:
    """Somebody else."""
    return register_person("bob")


@pytest.fixture
def carol(register_person: NewPerson) -> Person:
    """A third person, an outsider to what alice and bob share."""
    return register_person("carol")


@pytest.fixture(scope="session")
def js_driver() -> Iterator[JsDriver]:
    """The process in which the official JavaScript clients run."""
    with JsDriver() as driver:
        yield driver


@pytest.fixture(params=["js", "python"])
def connect(request: pytest.FixtureRequest, js_driver: JsDriver) -> Iterator[Connect]:
    """Opens sockets of people, once with each client; they are closed with the test."""
    opened: list[SocketClient] = []

    def open_socket(person: Person, **options: Any) -> SocketClient:
        token = options.pop("token", person.token)
        one = js_driver.connect if request.param == "js" else PyClient.connect
        client = one(person.url, token, **options)
        opened.append(client)
        return client

    yield open_socket
    for client in opened:
        client.disconnect()
