"""The way to PostgreSQL: one engine for each process, cooperative under gevent.

Queries open `reading()`; actions open a unit of work. Both hand out a SQLAlchemy `Connection`.
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import gevent.socket
import orjson
import psycopg2
from gevent import monkey
from psycopg2 import extensions, extras
from sqlalchemy import Connection, Engine, ExceptionContext, event, exc
from sqlalchemy.orm import DeclarativeBase

from chatapp.core.errors import Json, Unavailable

Row: TypeAlias = tuple[Any, ...]
ANSWER_TIMEOUT = 20.0
ENGINE_OPTIONS: dict[str, Any] = {
    # Nearly everything is a reading; to be otherwise, and back again, costs a unit of work a tenth of a millisecond.
    "isolation_level": "AUTOCOMMIT",
    "max_overflow": 0,
    "pool_timeout": 5,
    # No rollback on return: a reading is autocommitted, and a unit of work ends its transaction itself.
    "pool_reset_on_return": None,
    # Errors are logged, and values are what people wrote.
    "hide_parameters": True,
    "connect_args": {
        "application_name": "chatapp",
        "options": "-c timezone=UTC -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s "
        # By key, as on a disk without moving parts, even while a table is small: what is prepared (see `prepared.py`)
        # has one plan for all values, and it has to do when the table has grown.
        "-c enable_seqscan=off -c random_page_cost=1.1 -c plan_cache_mode=force_generic_plan",
    },
}

extras.register_default_json(globally=True, loads=orjson.loads)
# That of gevent would wait, and what is asked of it here is whether there is anything now.
_poll = monkey.get_original("select", "poll")

_engine: Engine | None = None
_reader: Engine | None = None
_snapshots: Engine | None = None


class Base(DeclarativeBase):
    """What every table is declared on."""


def make_cooperative() -> None:
    """Make psycopg2 yield to other greenlets while PostgreSQL works; call it before anything connects.

    A server that says nothing for `ANSWER_TIMEOUT` seconds counts as gone (psycopg2.OperationalError), since libpq
    watches no time-outs of its own in this mode.
    """
    extensions.set_wait_callback(_wait)


def _wait(connection: extensions.connection) -> None:
    try:
        while (state := connection.poll()) != extensions.POLL_OK:
            if state == extensions.POLL_READ:
                gevent.socket.wait_read(connection.fileno(), timeout=ANSWER_TIMEOUT)
            else:
                gevent.socket.wait_write(connection.fileno(), timeout=ANSWER_TIMEOUT)
    except TimeoutError as error:
        raise psycopg2.OperationalError("The database did not answer in time.") from error


def bind(engine: Engine) -> None:
    """Make `engine` the one of this process; the factory calls it once."""
    global _engine, _reader, _snapshots
    _engine, _reader = engine.execution_options(isolation_level="READ COMMITTED"), engine
    _snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
    event.listen(engine, "checkout", _refuse_stale)
    event.listen(engine, "handle_error", _leave_out_values)


def engine() -> Engine:
    """The engine of this process; RuntimeError before the factory ran."""
    if _engine is None:
        raise RuntimeError("The database is bound by create_app(), which has not run yet.")
    return _engine


def _refuse_stale(connection: extensions.connection, _record: object, _proxy: object) -> None:
    """A pooled connection on which something waits to be read is one that the server closed: take a new one."""
    if connection.closed:
        raise exc.DisconnectionError()
    poller = _poll()
    poller.register(connection.fileno(), select.POLLIN)
    if poller.poll(0):
        raise exc.DisconnectionError()


def _leave_out_values(context: ExceptionContext) -> None:
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error:
            _cut_off_values(error)


def _cut_off_values(error: BaseException) -> None:
    """Leave out what PostgreSQL says of the row that an error is about: errors are logged."""
    if error.args:
        error.args = (str(error.args[0]).partition("\nDETAIL:")[0], *error.args[1:])


def fetch(db: Connection, statement: str, values: Json | None = None) -> list[Row]:
    """What a statement gives, straight from the driver, whose `%(name)s` stand in it, on a connection of this module.

    For statements that run all the time: SQLAlchemy would take as much of the processor as the driver does. Raises
    psycopg2.Error.
    """
    connection: Any = db.connection.dbapi_connection
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            _cut_off_values(error)
            if connection.closed:
                raise psycopg2.OperationalError("The connection to the database was lost.") from error
            raise


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection on which each statement stands alone (autocommit); raises Unavailable when there is none."""
    assert _reader is not None
    with translated(), _reader.connect() as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """A connection in a transaction, committed at the end of the block; raises Unavailable when there is none."""
    with translated(), engine().begin() as connection:
        yield connection


@contextmanager
def snapshot() -> Iterator[Connection]:
    """A connection on which all statements see the database of one moment; raises Unavailable when there is none."""
    assert _snapshots is not None
    with translated(), _snapshots.connect() as connection, connection.begin():
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn "the database does not answer" into Unavailable; any other database error stays the bug that it is."""
    try:
        yield
    except (
        exc.OperationalError,
        exc.InterfaceError,
        exc.TimeoutError,
        # As a connection is taken from the pool or given back.
        psycopg2.OperationalError,
        psycopg2.InterfaceError,
    ) as error:
        raise Unavailable("The database does not answer. Try again.", code="database_unavailable") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("The database does not answer. Try again.", code="database_unavailable") from error
        raise
