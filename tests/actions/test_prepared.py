"""Prepared statements."""

import psycopg2
import pytest
from sqlalchemy import Connection, text

from chatapp.core import prepared
from chatapp.core.db import engine as app_engine
from chatapp.core.db import reading
from chatapp.core.errors import Unavailable
from chatapp.core.ids import new_id
from chatapp.core.prepared import Prepared, fetch

SUM = Prepared("test_sum", "SELECT :one::int + :two::int - :one::int")
_PLANNED = text("SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE name = 'test_sum'")


def executions_of_the_plan(db: Connection) -> int | None:
    """The number of executions of the plan on this connection; None without a plan."""
    return db.execute(_PLANNED).scalar()


@pytest.mark.usefixtures("app")
def test_plan_is_reused_and_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "EXECUTIONS", 3)
    executed = []
    with app_engine().connect() as db:
        for number in range(7):
            assert SUM.execute(db, {"one": 10, "two": number}) == [(number,)]
            executed.append(executions_of_the_plan(db))
    assert executed == [1, 2, 3, 1, 2, 3, 1]


@pytest.mark.usefixtures("app")
def test_new_connection_prepares_again() -> None:
    with app_engine().connect() as db:
        assert SUM.execute(db, {"one": 1, "two": 2}) == [(2,)]
        db.invalidate()
        db.rollback()
        assert executions_of_the_plan(db) is None
        assert SUM.execute(db, {"one": 1, "two": 3}) == [(3,)]
        assert executions_of_the_plan(db) == 1


@pytest.mark.usefixtures("app")
def test_errors_contain_no_user_content() -> None:
    email = f"{new_id()}@example.org"
    account = "INSERT INTO users (id, email, email_key, username, password_hash) VALUES (%(id)s, %(email)s, %(email)s, %(name)s, 'x')"
    first, second = ({"id": new_id(), "email": email, "name": f"person_{new_id()[-12:]}"} for _ in range(2))
    with reading() as db:
        fetch(db, account, first)
        with pytest.raises(psycopg2.IntegrityError) as caught:
            fetch(db, account, second)
    assert email not in str(caught.value)


def ask_on_a_connection_that_ends() -> None:
    """Run a statement after PostgreSQL closed its connection."""
    with reading() as db, reading() as other:
        [(pid,)] = fetch(db, "SELECT pg_backend_pid()")
        fetch(other, "SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": pid})
        SUM.execute(db, {"one": 1, "two": 3})


@pytest.mark.usefixtures("app")
def test_lost_connection_is_reported_as_unavailable() -> None:
    with pytest.raises(Unavailable):
        ask_on_a_connection_that_ends()
    with reading() as db:
        assert SUM.execute(db, {"one": 1, "two": 4}) == [(4,)]


@pytest.mark.usefixtures("app")
def test_statement_that_could_not_be_renewed_is_prepared_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "EXECUTIONS", 1)
    with reading() as db:
        SUM.execute(db, {"one": 1, "two": 2})
        with monkeypatch.context() as fails:
            fails.setattr(SUM, "_prepare", "PREPARE test_sum AS SELECT 1 / 0 +")
            with pytest.raises(psycopg2.Error):
                SUM.execute(db, {"one": 1, "two": 3})
        assert SUM.execute(db, {"one": 1, "two": 4}) == [(4,)]
