"""Statements that are planned once for a connection."""

import pytest
from sqlalchemy import Connection, text

from chatapp.core import prepared
from chatapp.core.db import engine as app_engine
from chatapp.core.prepared import Prepared

SUM = Prepared("test_sum", "SELECT :one::int + :two::int - :one::int")
_PLANNED = text("SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE name = 'test_sum'")


def executions_of_the_plan(db: Connection) -> int | None:
    """How often the plan that the connection keeps was executed; None when it keeps none."""
    return db.execute(_PLANNED).scalar()


@pytest.mark.usefixtures("app")
def test_a_plan_serves_many_executions_and_is_made_anew_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "EXECUTIONS", 3)
    executed = []
    with app_engine().connect() as db:
        for number in range(7):
            assert SUM.execute(db, {"one": 10, "two": number}) == [(number,)]
            executed.append(executions_of_the_plan(db))
    assert executed == [1, 2, 3, 1, 2, 3, 1]


@pytest.mark.usefixtures("app")
def test_a_new_connection_has_a_plan_of_its_own() -> None:
    with app_engine().connect() as db:
        assert SUM.execute(db, {"one": 1, "two": 2}) == [(2,)]
        db.invalidate()
        db.rollback()
        assert executions_of_the_plan(db) is None
        assert SUM.execute(db, {"one": 1, "two": 3}) == [(3,)]
        assert executions_of_the_plan(db) == 1
