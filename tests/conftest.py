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
# The phases of `python -m tests.run`, by files and folders; what is not named is of the first, in which more processes
# run than there are cores. In the second there is a process for each core: tests with several workers, outages and kills,
# which wait more than they work, but not for a busy machine. In the last one process measures times and loads.
PHASES = {
    "waiting": ("hosts", "launcher", "multiworker", "operating", "protocol/test_engineio.py", "reliability"),
    "serial": (
        "chaos/test_chaos.py",
        "chaos/test_load.py",
        "files/test_downloads.py",
        "files/test_fair_uploads.py",
        "realtime/test_bounds.py",
        "realtime/test_connecting.py",
        "realtime/test_presence.py",
        "reliability/test_locked_chat.py",
        "rest/test_password_hashing.py",
    ),
}
# Files and folders that take a minute or more: they start first, so that no process works on them alone in the end.
LONG = ("browser", "clients", "rest/test_schemathesis.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    choices = ("parallel", *PHASES)
    parser.addoption("--phase", choices=choices, help="run one phase of `python -m tests.run`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other phase, and keep those together that share a module's or a package's fixtures."""
    if phase := config.getoption("--phase"):
        config.hook.pytest_deselected(items=[item for item in items if phase_of(item) != phase])
        items[:] = [item for item in items if phase_of(item) == phase]
    if config.pluginmanager.hasplugin("xdist"):
        items.sort(key=lambda item: not place(item).startswith(LONG))
        for item in items:
            item.add_marker(pytest.mark.xdist_group(place(item)))


def phase_of(item: pytest.Item) -> str:
    """The phase that a test belongs to: the last one that names it."""
    named = [phase for phase, places in PHASES.items() if place(item).startswith(places)]
    return named[-1] if named else "parallel"


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
    """The database, to compare with responses."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker and no rate limits; no test may make it log an error."""
    with Server(database_url, tmp_path_factory.mktemp("server")) as server:
        yield server
    assert not server.errors_in_log(), "\n".join(server.errors_in_log())


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
