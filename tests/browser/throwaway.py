"""A PostgreSQL and a server for one command, dropped with all data when it ends."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine

from chatapp.launcher.postgres import EmbeddedPostgres
from tests.server import Server, migrate


@contextmanager
def throwaway_server() -> Iterator[tuple[Server, Engine]]:
    """A running server with an empty database, and the engine of that database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedPostgres(folder / "postgres", durable=False) as postgres:
            postgres.create_database("throwaway")
            url = postgres.url("throwaway")
            migrate(url, folder)
            with Server(url, folder) as server:
                engine = create_engine(url)
                try:
                    yield server, engine
                finally:
                    engine.dispose()
