"""What tests share: one real PostgreSQL, one real server, people who use it."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres, find_binaries
from tests.people import Person, register
from tests.server import ROOT, Server, migrate
from tests.socket_clients import JsDriver, PyClient, SocketClient

NewPerson = Callable[..., Person]
# The database that others are copies of.
TEMPLATE = "chat_template"
# new_database(name): its URL.
NewDatabase = Callable[[str], str]
# connect(person, transports=…, reconnection=…): a socket of theirs.
Connect = Callable[..., SocketClient]
# For tests of what the libraries of clients do differently: once with each.
both_clients = pytest.mark.parametrize("connect", ["js", "python"], indirect=True)
# The phases of `python -m tests.run`, by files and folders; what no phase names is of `parallel`, and what two name of the
# later one. In `parallel`, more processes run than there are cores. In `waiting`, one runs for each core: tests with
# several workers, outages and kills, which wait more than they work, but need a machine that is not busier than that. In
# `serial`, one process measures times and loads.
PHASES = {
    "waiting": (
        "hosts",
        "launcher",
        "multiworker",
        "operating",
        "realtime/test_connecting.py",
        "realtime/test_presence.py",
        "reliability",
    ),
    "parallel": ("multiworker/test_split.py",),
    "serial": (
        "chaos/test_chaos.py",
        "chaos/test_load.py",
        "files/test_fair_uploads.py",
        "files/test_slow_downloads.py",
        "operating/test_reload_behind_nginx.py",
        "reliability/test_locked_chat.py",
        "rest/test_password_hashing.py",
    ),
}
# What `make test-fast` runs: the tests that find most mistakes for their time, and none that takes long.
FAST = (
    "actions",
    "architecture",
    "authorisation",
    "parity",
    "protocol/test_socketio.py",
    "realtime/test_groups.py",
    "realtime/test_messages.py",
    "realtime/test_receipts.py",
    "realtime/test_visibility.py",
    "rest",
    "unit",
)
NOT_FAST = (
    "architecture/test_models.py",
    "architecture/test_readme.py",
    "rest/test_access_log.py",
    "rest/test_admin.py",
    "rest/test_docs.py",
    "rest/test_generated_client.py",
    "rest/test_headers.py",
    "rest/test_limits.py",
    "rest/test_metrics.py",
    "rest/test_names.py",
    "rest/test_password_hashing.py",
    "rest/test_schemathesis.py",
    "rest/test_version.py",
)
# What takes longest, in this order: it starts first, so that no process works on it alone in the end.
LONG = (
    "rest/test_schemathesis.py",
    "clients/test_typescript.py",
    "cli/test_causes.py",
    "realtime/test_bounds.py",
    "protocol/test_engineio.py",
    "multiworker/test_split.py",
    "property/test_any_order.py",
    "browser",
    "clients",
    "architecture/test_readme.py",
    "multiworker/test_replay.py",
    "multiworker/test_machines.py",
    "hosts",
    "reliability",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    choices = ("fast", *PHASES)
    parser.addoption("--phase", choices=choices, help="run one phase of `python -m tests.run`")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of another phase."""
    phase = config.getoption("--phase")
    return True if phase and collection_path.is_file() and not is_of(phase, collection_path) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other phases whose files are named as arguments, and put those that take longest first."""
    if phase := config.getoption("--phase"):
        config.hook.pytest_deselected(items=[item for item in items if not is_of(phase, item.path)])
        items[:] = [item for item in items if is_of(phase, item.path)]
    if config.pluginmanager.hasplugin("xdist"):
        items.sort(key=lambda item: next((n for n, long in enumerate(LONG) if place(item.path).startswith(long)), 99))


def is_of(phase: str, path: Path) -> bool:
    """Whether the tests of a file belong to a phase."""
    if phase == "fast":
        return place(path).startswith(FAST) and not place(path).startswith(NOT_FAST)
    named = [phase for phase, places in PHASES.items() if place(path).startswith(places)]
    return phase == (named[-1] if named else "parallel")


def place(path: Path) -> str:
    """The path of a file, from the folder of all tests."""
    return path.relative_to(Path(__file__).parent).as_posix()


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test run's own, without fsync, which has the migrated and empty database of `TEMPLATE`."""
    kept = pytestconfig.cache.mkdir("postgres") / f"{digest_of_migrations()}-data"
    folder = tmp_path_factory.mktemp("postgres")
    if kept.exists():
        copy_folder(kept, folder / "data")
    server = EmbeddedPostgres(folder, durable=False)
    if not kept.exists():
        with server:
            server.create_database(TEMPLATE)
            migrate(server.url(TEMPLATE), tmp_path_factory.mktemp("migrate"))
        for old in kept.parent.glob("*-data"):
            if old != kept:
                shutil.rmtree(old)
        draft = kept.parent / f"draft-{os.getpid()}"
        copy_folder(folder / "data", draft)
        try:
            draft.rename(kept)
        except OSError:
            # Another process of this run was faster.
            shutil.rmtree(draft)
    with server:
        yield server


def digest_of_migrations() -> str:
    """Differs if the schema or PostgreSQL's major version does."""
    digest = hashlib.sha256(str(find_binaries()[1]).encode())
    for path in sorted((ROOT / "migrations").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def copy_folder(folder: Path, copy: Path) -> None:
    """Copy a folder with its owner and rights."""
    subprocess.run(["cp", "-a", folder, copy], check=True)


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> NewDatabase:
    """Makes migrated databases: copies of one, as a migration takes seconds."""
    maintenance = create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def copy(name: str) -> str:
        with maintenance.connect() as db:
            db.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
        return postgres.url(name)

    return copy


@pytest.fixture(scope="session")
def database_url(new_database: NewDatabase) -> str:
    """The database that most tests share."""
    return new_database("chat_test")


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
    """A new user."""
    return register_person("alice")


@pytest.fixture
def bob(register_person: NewPerson) -> Person:
    """Another user."""
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


@pytest.fixture
def connect(request: pytest.FixtureRequest, js_driver: JsDriver) -> Iterator[Connect]:
    """Opens sockets of people, with the JavaScript client unless marked `both_clients`; they are closed with the test."""
    clients: dict[str, Callable[..., SocketClient]] = {"js": js_driver.connect, "python": PyClient.connect}
    opened: list[SocketClient] = []

    def open_socket(person: Person, **options: Any) -> SocketClient:
        token = options.pop("token", person.token)
        client = clients[getattr(request, "param", "js")](person.url, token, **options)
        opened.append(client)
        return client

    yield open_socket
    for client in opened:
        client.disconnect()
