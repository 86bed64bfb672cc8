"""Three machines with two workers each, and PostgreSQL and Redis on their own machines."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import Engine, NullPool, create_engine

from chatapp.core.embedded_database import PORT, socket_folder
from chatapp.launcher.valkey import EmbeddedValkey
from tests.chaos.proxy import Proxy
from tests.conftest import TEMPLATE, NewPostgres
from tests.forked import enter
from tests.hosts.network import Network
from tests.people import Person, register
from tests.server import UNREACHED_LIMITS, Server
from tests.socket_clients import JsClient, JsDriver
from tests.waiting import eventually

HOSTS = ("one", "two", "three")
WORKERS = 2


class Host(Server):
    """A server in a namespace. `url` is an address of this machine that is forwarded to it."""

    def __init__(self, network: Network, name: str, database_url: str, folder: Path, **changes: str) -> None:
        super().__init__(database_url, folder, HOST="0.0.0.0", WEB_CONCURRENCY=str(WORKERS), **changes)
        self.name = name
        self.namespace = network.namespace(name)
        self._front = Proxy(
            self.port,
            (network.address(name), self.port),
            before_connecting=partial(enter, network.namespace("client")),
        )

    def stop(self, seconds: float = 10) -> float:
        took = super().stop(seconds)
        self._front.close()
        return took

    def readiness(self) -> tuple[int, dict[str, str]]:
        """The status and the checks of `/readyz`."""
        response = requests.get(f"{self.url}/readyz", timeout=10)
        return response.status_code, response.json()["checks"]

    def is_ready(self) -> bool:
        """True if `/readyz`, served by one worker, reports it, and no worker waits for the database any longer."""
        if self.log.count('"database_unreachable"') > self.log.count('"database_reachable"'):
            return False
        try:
            return self.readiness()[0] == 200
        except requests.RequestException:
            return False


class Site:
    """The running machines. `unplug` and `separate` of `network` cut them off; `heal` restores everything."""

    def __init__(self, network: Network, hosts: dict[str, Host], valkey: EmbeddedValkey, engine: Engine) -> None:
        self.network = network
        self.hosts = hosts
        self.valkey = valkey
        self.engine = engine

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def wait_until_ready(self, seconds: float, *names: str) -> None:
        """Wait until these machines are ready, or all; raises AssertionError."""
        hosts = [self.hosts[name] for name in names or HOSTS]
        eventually(lambda: all(host.is_ready() for host in hosts), seconds)


@pytest.fixture(scope="module")
def site(new_postgres: NewPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that the tests of a module break and restore."""
    folder = tmp_path_factory.mktemp("hosts")
    with ExitStack() as stack:
        postgres = stack.enter_context(new_postgres(folder / "postgres", durable=False))
        valkey = stack.enter_context(EmbeddedValkey(folder / "valkey"))
        network = stack.enter_context(Network("client", "database", "queue", *HOSTS))
        queue_url = urlsplit(valkey.url)
        assert queue_url.port
        for name, port, target in (
            ("database", PORT, socket_folder(postgres.folder) / f".s.PGSQL.{PORT}"),
            ("queue", queue_url.port, queue_url.port),
        ):
            proxy = Proxy(
                (network.address(name), port),
                target,
                before_listening=partial(enter, network.namespace(name)),
                before_connecting=partial(enter, None),
            )
            stack.callback(proxy.close)
        database_url = f"postgresql://postgres@{network.address('database')}:{PORT}/{TEMPLATE}"
        settings = UNREACHED_LIMITS | {
            "REDIS_URL": valkey.url.replace("@127.0.0.1:", f"@{network.address('queue')}:"),
            "MAX_SOCKETS_PER_USER": "100",
            "UPLOAD_PATH": str(folder / "uploads"),
        }
        hosts = {}
        for name in HOSTS:
            (folder / name).mkdir()
            hosts[name] = stack.enter_context(Host(network, name, database_url, folder / name, **settings))
        engine = create_engine(postgres.url(TEMPLATE), poolclass=NullPool)
        stack.callback(engine.dispose)
        site = Site(network, hosts, valkey, engine)
        site.wait_until_ready(20)
        yield site


@pytest.fixture
def people(site: Site) -> dict[str, Person]:
    """A user on each machine, by its name."""
    site.wait_until_ready(20)
    return {name: register(site[name].url, f"on_{name}") for name in HOSTS}


@pytest.fixture
def sockets(people: dict[str, Person], js_driver: JsDriver) -> Iterator[dict[str, JsClient]]:
    """A socket of each user on their machine, which reconnects."""
    opened = {
        name: js_driver.connect(person.url, person.token, reconnection=True, transports=["websocket"])
        for name, person in people.items()
    }
    yield opened
    for socket in opened.values():
        socket.disconnect()
