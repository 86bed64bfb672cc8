"""Access to PostgreSQL: one engine per process, cooperative under gevent.

Queries open `reading()`; actions open a unit of work. Both provide a SQLAlchemy `Connection`.
"""

import select
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import gevent.socket
import orjson
import psycopg2
from gevent import monkey
from psycopg2 import errors, extensions, extras
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, exc
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from chatapp.core.causes import Cause
from chatapp.core.errors import Json, Unavailable
from chatapp.core.reachability import Reachability
from chatapp.core.settings import Settings

Row: TypeAlias = tuple[Any, ...]
# After this many seconds without a response another connection checks the database; if that gets none either, the
# database counts as lost. A long statement may run until `RESPONSE_TIMEOUT`, beyond PostgreSQL's `statement_timeout`.
SILENCE_TIMEOUT = 2.5
RESPONSE_TIMEOUT = 20.0
# How long a statement of `lock_bounded()` waits for a lock, and the size of the pool for such connections.
LOCK_TIMEOUT_MS = 100
LOCK_BOUNDED_CONNECTIONS = 4
MIN_POOL_SIZE = LOCK_BOUNDED_CONNECTIONS + 1
# A read-only connection is dropped after this many seconds: the database may accept writes again by then.
READ_ONLY_SECONDS = 1.0
LOCKED = "55P03"
# The database is read-only (25006), shuts down or starts (57P01–57P03), or is gone (class 08): its connections are
# dropped, including those in the pool.
_GIVE_UP = {"25006", "57P01", "57P02", "57P03"}
_NO_RESPONSE = "The database does not respond. Try again."
ENGINE_OPTIONS: dict[str, Any] = {
    # Most statements are reads; switching the isolation level costs a write transaction 0.1 ms.
    "isolation_level": "AUTOCOMMIT",
    "max_overflow": 0,
    "pool_timeout": 5,
    # No rollback on return: a read is autocommitted, and a unit of work ends its transaction itself.
    "pool_reset_on_return": None,
    # Errors are logged, and bound values contain user content.
    "hide_parameters": True,
    "connect_args": {
        "application_name": "chatapp",
        # The kernel drops a connection whose peer has vanished.
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "options": "-c timezone=UTC -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s "
        # Prefer index scans (SSD costs) even on small tables: a prepared statement (see `prepared.py`) has one plan for
        # all
        # values, which also has to work when the table has grown.
        "-c enable_seqscan=off -c random_page_cost=1.1 -c plan_cache_mode=force_generic_plan",
    },
}

_keep_state = True
# Arguments of normal connections, and of those whose statements wait for locks for a bounded time.
_session: dict[str, Any] = ENGINE_OPTIONS["connect_args"]
_bounded_session: dict[str, Any] = _session

extras.register_default_json(globally=True, loads=orjson.loads)
# gevent's poll would wait; here it only checks for available data.
_poll = monkey.get_original("select", "poll")

# Why the database is unavailable at the moment.
outage = Cause("database")
_engine: Engine | None = None
_reader: Engine | None = None
_snapshots: Engine | None = None
_lock_bounded: Engine | None = None


class Base(DeclarativeBase):
    """The declarative base of all tables."""


class Locked(Unavailable):
    """A statement of `lock_bounded()` waited longer than `LOCK_TIMEOUT_MS` for a lock."""

    code = "busy"


class _LockBoundedCursor(extensions.cursor):  # type: ignore[misc]
    """A cursor that bounds the wait for locks within each statement's own transaction."""

    def execute(self, query: Any, vars: Any = None) -> None:
        """Called by SQLAlchemy and `fetch` with text; the result is that of `query`."""
        super().execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; {query}", vars)


def engine_options(settings: Settings) -> dict[str, Any]:
    """Options in addition to `ENGINE_OPTIONS`: the size of the pool, and the set-up of a session.

    A pooler in transaction mode shares a session among many clients, and refuses startup parameters that would change
    it.
    """
    global _keep_state, _session, _bounded_session
    arguments = ENGINE_OPTIONS["connect_args"]
    _keep_state = not settings.database_pooler
    if settings.database_pooler:
        _session = {name: value for name, value in arguments.items() if name != "options"}
        _bounded_session = _session | {"cursor_factory": _LockBoundedCursor}
    else:
        schema = settings.database_schema
        path = f'-c search_path="{schema}"{"" if schema == "public" else ",public"}' if schema else ""
        options = " ".join(filter(None, (arguments["options"], path, settings.database_options)))
        _session = arguments | {"options": options}
        _bounded_session = arguments | {"options": f"{options} -c lock_timeout={LOCK_TIMEOUT_MS}"}
    return {"pool_size": max(1, settings.database_pool_size - LOCK_BOUNDED_CONNECTIONS), "connect_args": _session}


def connections_keep_state() -> bool:
    """True if a connection keeps session state such as prepared statements between transactions."""
    return _keep_state


def make_cooperative() -> None:
    """Make psycopg2 yield to other greenlets while PostgreSQL works; call it before any connection opens.

    A connection attempt fails after `SILENCE_TIMEOUT` seconds without a response, a statement once the database can't
    be reached otherwise, or after `RESPONSE_TIMEOUT` (psycopg2.OperationalError). libpq has no time-outs in this mode.
    """
    extensions.set_wait_callback(_wait)


def _wait(connection: extensions.connection) -> None:
    silent = 0.0
    while (state := connection.poll()) != extensions.POLL_OK:
        wait = gevent.socket.wait_read if state == extensions.POLL_READ else gevent.socket.wait_write
        try:
            wait(connection.fileno(), timeout=SILENCE_TIMEOUT)
            silent = 0.0
        except TimeoutError as error:
            silent += SILENCE_TIMEOUT
            is_open = connection.status in (extensions.STATUS_READY, extensions.STATUS_BEGIN)
            if not is_open or silent >= RESPONSE_TIMEOUT or not reachability.check():
                raise psycopg2.OperationalError("The database did not respond in time.") from error


def bind(engine: Engine) -> None:
    """Set the engine of this process; called once by the factory."""
    global _engine, _reader, _snapshots, _lock_bounded
    _engine, _reader = engine.execution_options(isolation_level="READ COMMITTED"), engine
    _snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
    options = ENGINE_OPTIONS | {"connect_args": _bounded_session, "pool_size": LOCK_BOUNDED_CONNECTIONS}
    _lock_bounded = create_engine(engine.url, **options)
    for each in (engine, _lock_bounded):
        event.listen(each, "connect", _note_age)
        event.listen(each, "checkout", _refuse_stale)
        event.listen(each, "handle_error", _handle_error)


def _connect() -> None:
    """Open a connection outside the pool and close it; raises psycopg2.OperationalError if nothing responds."""
    reader = _reader
    assert reader is not None
    words, arguments = reader.dialect.create_connect_args(reader.url)
    try:
        psycopg2.connect(*words, **{**arguments, **_session}).close()
    except psycopg2.OperationalError as error:
        # An error is a response too: too many connections, for example.
        if "FATAL:" not in str(error):
            raise


def give_up_connections() -> None:
    """Close the idle connections of the pools, so that new ones are opened."""
    for each in (_reader, _lock_bounded):
        if each is not None:
            each.dispose()


def connections_in_use() -> int:
    """The number of connections that are checked out."""
    return sum(each.pool.checkedout() for each in (_reader, _lock_bounded) if each is not None)  # type: ignore[attr-defined]


reachability = Reachability(_connect, give_up_connections)


def engine() -> Engine:
    """The engine of this process; RuntimeError before the factory ran."""
    if _engine is None:
        raise RuntimeError("The database is bound by create_app(), which has not run yet.")
    return _engine


def _note_age(_connection: extensions.connection, record: ConnectionPoolEntry) -> None:
    record.info["since"] = time.monotonic()


def _refuse_stale(connection: extensions.connection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Replace a pooled connection that has unread data (the server has closed it), or that was opened while the
    database was read-only and stays so."""
    if connection.closed:
        raise exc.DisconnectionError()
    poller = _poll()
    poller.register(connection.fileno(), select.POLLIN)
    if poller.poll(0):
        raise exc.DisconnectionError()
    if _is_read_only(connection) and time.monotonic() > record.info["since"] + READ_ONLY_SECONDS:
        raise exc.DisconnectionError()


def _is_read_only(connection: extensions.connection) -> bool:
    """True if the server reported to this connection that it is read-only."""
    return "on" in map(connection.get_parameter_status, ("default_transaction_read_only", "in_hot_standby"))


def _handle_error(context: ExceptionContext) -> None:
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error:
            _cut_off_values(error)
    if _is_given_up(context.original_exception):
        # SQLAlchemy would then drop the whole pool.
        context.is_disconnect = True


def _code(error: BaseException | None) -> str:
    """The SQLSTATE of an error, or ""."""
    return getattr(error, "pgcode", None) or ""


def _is_given_up(error: BaseException | None) -> bool:
    code = _code(error)
    return code in _GIVE_UP or code.startswith("08")


def _cut_off_values(error: BaseException) -> None:
    """Drop PostgreSQL's detail, which contains the row: errors are logged."""
    if error.args:
        error.args = (str(error.args[0]).partition("\nDETAIL:")[0], *error.args[1:])


def fetch(db: Connection, statement: str, values: Json | None = None) -> list[Row]:
    """Execute a statement with `%(name)s` parameters directly with the driver, on a connection of this module.

    For frequent statements: SQLAlchemy would use as much CPU time as the driver. Raises psycopg2.Error.
    """
    connection: Any = db.connection.dbapi_connection
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            _cut_off_values(error)
            if _is_given_up(error):
                db.invalidate(error)
                give_up_connections()
                raise psycopg2.OperationalError("The database takes no changes, or goes away.") from error
            if connection.closed:
                raise psycopg2.OperationalError("The connection to the database was lost.") from error
            raise


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection in autocommit mode; raises Unavailable."""
    assert _reader is not None
    with translated(), _reader.connect() as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """A connection in a transaction, committed at the end of the block; raises Unavailable."""
    with translated(), engine().begin() as connection:
        yield connection


@contextmanager
def snapshot() -> Iterator[Connection]:
    """A connection whose statements all see the same snapshot; raises Unavailable."""
    assert _snapshots is not None
    with translated(), _snapshots.connect() as connection, connection.begin():
        yield connection


@contextmanager
def lock_bounded() -> Iterator[Connection]:
    """Like `reading()`, on a connection whose statements wait for a lock at most `LOCK_TIMEOUT_MS`; raises Locked
    beyond that."""
    assert _lock_bounded is not None
    with translated(), _lock_bounded.connect() as connection:
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Raise Unavailable if the database does not respond or is read-only, and Locked for a lock timeout; other database
    errors pass unchanged. Raises at once while the database is lost."""
    if reachability.is_lost:
        raise Unavailable(_NO_RESPONSE, code="database_unavailable")
    try:
        yield
        if outage.known:
            outage.works()
    except (errors.DuplicatePreparedStatement, errors.InvalidSqlStatementName) as error:
        outage.failed(error, hint="A pooler in transaction mode needs pgbouncer=true in DATABASE_URL.")
        raise Unavailable(_NO_RESPONSE, code="database_unavailable") from error
    except (exc.TimeoutError, exc.DBAPIError, psycopg2.Error) as error:
        # The error is not assigned to another name: with its traceback that would be a cycle that keeps the connection
        # checked out.
        if _is_locked(error):
            raise Locked("The object is being changed. Try again.") from error
        if _is_unavailable(error):
            outage.failed(error)
            # Since Python 3.12, contextlib refers to the error in such a cycle.
            traceback.clear_frames(error.__traceback__)
            raise Unavailable(_NO_RESPONSE, code="database_unavailable") from error
        raise


def _is_locked(error: BaseException) -> bool:
    return _code(getattr(error, "orig", error)) == LOCKED


def _is_unavailable(error: BaseException) -> bool:
    # psycopg2's own errors also occur while a connection is taken from the pool or returned.
    cause = getattr(error, "orig", error)
    return (
        isinstance(cause, (exc.TimeoutError, psycopg2.OperationalError, psycopg2.InterfaceError))
        or _is_given_up(cause)
        or getattr(error, "connection_invalidated", False)
    )
