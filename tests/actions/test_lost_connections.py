"""A lost database connection is replaced by the next one."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from psycopg2 import extensions
from sqlalchemy import Engine, create_engine, text

from chatapp.core import application, db
from chatapp.core.errors import Unavailable
from chatapp.core.unit_of_work import unit_of_work


@pytest.fixture
def only_one(database_url: str) -> Iterator[Engine]:
    """An engine with a single connection, for this process."""
    engine = create_engine(database_url, **db.ENGINE_OPTIONS | {"pool_size": 1, "pool_timeout": 1})
    before: Any = application.current().values.get(db._database)
    db.bind(engine)
    # Cooperative, as in the server.
    db.make_cooperative()
    yield engine
    extensions.set_wait_callback(None)
    db._database.set(before)
    engine.dispose()


def write() -> None:
    with unit_of_work() as work:
        work.db.execute(text("SELECT 1"))


def look() -> None:
    with db.snapshot() as connection:
        connection.execute(text("SELECT 1"))


@pytest.mark.parametrize("work", [write, look])
@pytest.mark.parametrize(
    ("step", "turn"), [("set_isolation_level", 1), ("do_begin", 1), ("do_commit", 1), ("set_isolation_level", 2)]
)
def test_lost_connection_is_replaced_in_the_pool(
    only_one: Engine, engine: Engine, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None], step: str, turn: int
) -> None:
    take_step = getattr(only_one.dialect, step)
    left = [turn]

    def die_before(connection: Any, *rest: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            pid = getattr(connection, "dbapi_connection", connection).info.backend_pid
            with engine.connect() as other:
                assert other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}).scalar()
        take_step(connection, *rest)

    work()
    with monkeypatch.context() as patch:
        patch.setattr(only_one.dialect, step, die_before)
        with suppress(Unavailable):
            work()
    assert left[0] <= 0
    for _ in range(3):
        work()
        with db.reading() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
