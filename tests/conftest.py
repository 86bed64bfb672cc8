"""What tests share: one real PostgreSQL, one real server, people who use it."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from chatapp.core import api_keys
from chatapp.core.ids import new_id
from chatapp.launcher.postgres import EmbeddedPostgres, find_binaries
from tests.accounts import Accounts
from tests.people import Backend, Person
from tests.server import ROOT, Server, migrate
from tests.socket_clients import JsDriver, PyClient, SocketClient

NewPerson = Callable[..., Person]
# new_key(scope, …, acts_as=…): a backend with a new key.
NewKey = Callable[..., Backend]
# The database that others are copies of; tests with a PostgreSQL of their own use it itself.
TEMPLATE = "chat"
# new_postgres(folder, durable=…): a server whose data is in a new folder.
NewPostgres = Callable[..., EmbeddedPostgres]
# new_database(name): its URL.
NewDatabase = Callable[[str], str]
# connect(person, transports=…, reconnection=…): a socket of theirs.
Connect = Callable[..., SocketClient]
# For tests of what the libraries of clients do differently: once with each.
both_clients = pytest.mark.parametrize("connect", ["js", "python"], indirect=True)
# The phases of `python -m tests.run`, by files and folders; what no phase names is of `parallel`, and what two name of the
# later one. `waiting` has tests with several workers, outages and kills, which wait more than they work, but must get the
# processor when they need it. Beside it, `parallel` gets what it leaves of the processor. After it, in `serial`, one process
# measures times and loads, with the same priority.
PHASES = {
    "waiting": (
        "chaos/test_chaos.py",
        "clients/test_outages.py",
        "clients/test_python_bot.py",
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
    "actions/test_reading_costs.py",
    "actions/test_search_candidates.py",
    "actions/test_search_index.py",
    "architecture/test_added_field.py",
    "architecture/test_compat.py",
    "architecture/test_models.py",
    "architecture/test_readme.py",
    "authorisation/test_privacy.py",
    "rest/test_access_log.py",
    "rest/test_admin.py",
    "rest/test_avatars.py",
    "rest/test_docs.py",
    "rest/test_erasure.py",
    "rest/test_generated_client.py",
    "rest/test_headers.py",
    "rest/test_large_groups.py",
    "rest/test_limits.py",
    "rest/test_metrics.py",
    "rest/test_names.py",
    "rest/test_password_hashing.py",
    "rest/test_schemathesis.py",
    "rest/test_version.py",
    "unit/test_bus.py",
    "unit/test_config.py",
    "unit/test_garbage.py",
    "unit/test_limits.py",
    "unit/test_loading.py",
    "unit/test_session_states.py",
    "unit/test_spread.py",
)
# What takes longest, in this order: it starts first, so that no process works on it alone in the end.
LONG = (
    "chaos/test_chaos.py",
    "clients/test_outages.py",
    "cli/test_causes.py",
    "realtime/test_bounds.py",
    "protocol/test_engineio.py",
    "multiworker/test_split.py",
    "property/test_any_order.py",
    "clients/test_package.py",
    "architecture/test_readme.py",
    "realtime/test_two_applications.py",
    "unit/test_loading.py",
    "realtime/test_unauthenticated.py",
    "files/test_maintenance.py",
    "fuzz/test_events.py",
    "generated",
    "hosts",
    "multiworker/test_replay.py",
    "launcher/test_server.py",
    "multiworker/test_machines.py",
    "reliability",
)
# What begins when all others have begun, in this order: its bounds of time are longer than a busy machine takes, but not
# than one takes whose processors the tests of `waiting` need.
LAST = ("clients/test_typescript.py", "rest/test_schemathesis.py", "browser/test_accessible.py", "browser")

# No test uses a proxy, and `requests` searches the whole environment for one before each request to another host.
os.environ["no_proxy"] = "127.0.0.1,localhost"


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
    if config.getoption("processes", 0):
        items.sort(key=lambda item: turn(item.path))


@cache
def turn(path: Path) -> int:
    """When the tests of a file start."""
    order = (*LONG, "", *LAST)
    return next((turn for turn, start in enumerate(order) if start and place(path).startswith(start)), len(LONG))


@cache
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
def migrated_data(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a PostgreSQL with the migrated and empty database of `TEMPLATE`, to be copied; kept for later runs."""
    kept = pytestconfig.cache.mkdir("postgres") / f"{digest_of_migrations()}-data"
    if not kept.exists():
        folder = tmp_path_factory.mktemp("migrated")
        with EmbeddedPostgres(folder, durable=False) as server:
            server.create_database(TEMPLATE)
            migrate(server.url(TEMPLATE), tmp_path_factory.mktemp("migrate"))
        for old in kept.parent.glob("*-data"):
            # Another process of this run may be faster.
            if old != kept:
                with suppress(FileNotFoundError):
                    shutil.rmtree(old.rename(kept.parent / f"old-{os.getpid()}"))
        draft = kept.parent / f"draft-{os.getpid()}"
        copy_folder(folder / "data", draft)
        try:
            draft.rename(kept)
        except OSError:
            # Another process of this run was faster.
            shutil.rmtree(draft)
    return kept


@pytest.fixture(scope="session")
def new_postgres(migrated_data: Path) -> NewPostgres:
    """Makes servers, not started yet, with the database of `TEMPLATE`: initdb and the migrations take longer than all
    that most tests do."""

    def make(folder: Path, *, durable: bool = True) -> EmbeddedPostgres:
        folder.mkdir(exist_ok=True)
        copy_folder(migrated_data, folder / "data")
        return EmbeddedPostgres(folder, durable=durable)

    return make


@pytest.fixture(scope="session")
def postgres(new_postgres: NewPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test run's own, without fsync."""
    with new_postgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


def digest_of_migrations() -> str:
    """Differs if the schema, its database's name or PostgreSQL's major version does."""
    digest = hashlib.sha256(f"{find_binaries()[1]} {TEMPLATE}".encode())
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
    # Half the time of the default, which writes a small database to the WAL.
    strategy = "STRATEGY FILE_COPY" if find_binaries()[1] >= 15 else ""

    def copy(name: str) -> str:
        with maintenance.connect() as db:
            db.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} {strategy}"))
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
def register_person(server: Server) -> Iterator[NewPerson]:
    """Makes an account on the shared server."""
    accounts = Accounts(server)
    yield accounts.new
    accounts.close()


@pytest.fixture(scope="session")
def admin(register_person: NewPerson, engine: Engine) -> Person:
    """A user with the role ADMIN on the shared server."""
    person = register_person("admin")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": person.id})
    return person


@contextmanager
def only_admin(engine: Engine, id: str) -> Iterator[None]:
    """While it lasts, the user with this id is the only one with the role ADMIN."""
    with engine.begin() as db:
        demote = "UPDATE users SET role = 'USER' WHERE role = 'ADMIN' AND id <> :id RETURNING id"
        others = db.scalars(text(demote), {"id": id}).all()
    yield
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = ANY(:ids)"), {"ids": others})


@pytest.fixture
def new_key(server: Server, engine: Engine) -> Iterator[NewKey]:
    """Makes API keys with these scopes for the shared server; they are gone after the test."""
    ids = []

    def make(*scopes: str, acts_as: str | None = None) -> Backend:
        backend = insert_key(engine, server.url, scopes, acts_as)
        ids.append(backend.id)
        return backend

    yield make
    with engine.begin() as db:
        db.execute(text("DELETE FROM api_keys WHERE id = ANY(CAST(:ids AS uuid[]))"), {"ids": ids})


@pytest.fixture(scope="session")
def backend(server: Server, engine: Engine) -> Backend:
    """The backend of an app, with the scopes that it usually has."""
    return insert_key(engine, server.url, ("users", "tokens", "chats", "messages", "act"))


def insert_key(engine: Engine, url: str, scopes: Sequence[str], acts_as: str | None = None) -> Backend:
    """A new API key, inserted into the database of the server at `url`."""
    id, secret = new_id(), api_keys.new_secret()
    row = {"id": id, "hash": api_keys.hash_secret(secret), "scopes": list(scopes), "acts_as": acts_as}
    statement = """
        INSERT INTO api_keys (id, name, hash, scopes, acts_as)
        VALUES (:id, 'test', :hash, CAST(:scopes AS varchar[]), :acts_as)
    """
    with engine.begin() as db:
        db.execute(text(statement), row)
    return Backend(url, api_keys.assemble(id, secret), id)


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
