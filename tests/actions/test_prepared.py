"""Statements that are planned once for a connection."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from chatapp.core import prepared
from chatapp.core.db import engine as app_engine
from chatapp.core.prepared import Prepared

SUM = Prepared("test_sum", "SELECT :one::int + :two::int - :one::int")


@pytest.fixture
def plans(app: Flask) -> Iterator[list[str]]:
    """What was prepared and forgotten since."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("EXECUTE"):
            seen.append(statement.split()[0])

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def test_a_plan_serves_many_executions_and_is_made_anew_in_time(
    plans: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "EXECUTIONS", 3)
    with app_engine().connect() as db:
        for number in range(7):
            assert SUM.execute(db, {"one": 10, "two": number}).scalar_one() == number
    assert plans == ["PREPARE", "DEALLOCATE", "PREPARE", "DEALLOCATE", "PREPARE"]


def test_a_new_connection_has_a_plan_of_its_own(plans: list[str]) -> None:
    with app_engine().connect() as db:
        assert SUM.execute(db, {"one": 1, "two": 2}).scalar_one() == 2
        db.invalidate()
        db.rollback()
        assert SUM.execute(db, {"one": 1, "two": 3}).scalar_one() == 3
    assert plans[-1] == "PREPARE"
