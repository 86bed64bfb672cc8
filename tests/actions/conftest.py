"""Actions without a transport: the application in this process, on the shared database."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from psycopg2 import extensions
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

import config
from chatapp.app import create_app
from chatapp.core.identity import Actor
from tests.people import Person
from tests.server import environment

CountStatements = Callable[[Callable[[], object]], list[str]]


@pytest.fixture(scope="session")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application, bound to the test database."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(database_url, tmp_path_factory.mktemp("actions")).items():
            patch.setenv(name, value)
        yield create_app(config.load())


@pytest.fixture
def statements(app: Flask) -> Iterator[CountStatements]:
    """Calls a function and returns the SQL statements that it ran, except those that a connection runs once."""
    ran: list[str] = []

    class Noting(extensions.cursor):  # type: ignore[misc]
        def execute(self, statement: str, values: object = None) -> None:
            if not statement.startswith("PREPARE "):
                ran.append(statement)
            super().execute(statement, values)

    def note(connection: extensions.connection, *_rest: object) -> None:
        connection.cursor_factory = Noting

    def count(work: Callable[[], object]) -> list[str]:
        ran.clear()
        work()
        return list(ran)

    event.listen(Pool, "checkout", note)
    yield count
    event.remove(Pool, "checkout", note)


@pytest.fixture
def nested_loops(app: Flask) -> Iterator[None]:
    """Makes PostgreSQL join by plain nested loops, the plan that runs a subquery most often."""

    def plan(connection: Connection) -> None:
        for other in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize"):
            connection.exec_driver_sql(f"SET LOCAL enable_{other} = off")

    event.listen(Engine, "begin", plan)
    yield
    event.remove(Engine, "begin", plan)


def actor(person: Person) -> Actor:
    """The actor of a person."""
    return Actor(person.id, "00000000-0000-0000-0000-000000000000", person.name, None, "USER")
