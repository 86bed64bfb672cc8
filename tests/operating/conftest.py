"""A site in production mode: nginx with TLS, three workers, PostgreSQL and a queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatapp.launcher.valkey import EmbeddedValkey
from tests.nginx import Nginx
from tests.server import UNREACHED_LIMITS, Server
from tests.socket_clients import JsDriver

WORKERS = 3
PRODUCTION = {
    "APP_ENV": "production",
    "JWT_ACCESS_SECRET": "a" * 40,
    "JWT_REFRESH_SECRET": "r" * 40,
    "TRUSTED_PROXIES": "1",
    "WEB_CONCURRENCY": str(WORKERS),
} | UNREACHED_LIMITS


@dataclass
class Production:
    """The running site. `driver` creates clients that trust nginx's certificate."""

    nginx: Nginx
    server: Server
    driver: JsDriver


@pytest.fixture(scope="module")
def production(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """A site for the tests of a module."""
    folder: Path = tmp_path_factory.mktemp("production")
    with (
        EmbeddedValkey(folder / "valkey") as valkey,
        Nginx(folder / "nginx") as nginx,
        Server(database_url, folder, **PRODUCTION, CORS_ORIGIN=nginx.url, REDIS_URL=valkey.url) as server,
        JsDriver(trusts=nginx.certificate) as driver,
    ):
        nginx.serve(server.port)
        yield Production(nginx, server, driver)
