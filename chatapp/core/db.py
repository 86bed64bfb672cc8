"""Access to PostgreSQL: one `Database` per application, cooperative under gevent.

Queries open `reading()`; actions open a unit of work. Both provide a SQLAlchemy `Connection`.
"""

import select
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import gevent
import orjson
import psycopg2
from gevent import monkey
from psycopg2 import errors, extensions, extras
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, exc
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from chatapp.core.application import PerApplication
from chatapp.core.causes import Cause
from chatapp.core.errors import Unavailable
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

extras.register_default_json(globally=True, loads=orjson.loads)
# gevent's poll would wait; here it only checks for available data.
_poll = monkey.get_original("select", "poll")
_READABLE, _WRITABLE = 1, 2


class DirectConnection:
    """A pooled connection for statements that go directly to the driver; SQLAlchemy's would cost as much as taking it
    from the pool."""

    __slots__ = ("connection", "info")

    def __init__(self, pooled: PoolProxiedConnection) -> None:
        self.connection = pooled
        self.info = pooled.info

    def invalidate(self, error: BaseException) -> None:
        """Drop the connection."""
        self.connection.invalidate(error)


AnyConnection: TypeAlias = Connection | DirectConnection


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
    """Options in addition to `ENGINE_OPTIONS`: the size of the pool, and the set-up of a session."""
    pool_size = max(1, settings.database_pool_size - LOCK_BOUNDED_CONNECTIONS)
    return {"pool_size": pool_size, "connect_args": _session(settings)}


def _session(settings: Settings | None) -> dict[str, Any]:
    """How a session is set up.

    A pooler in transaction mode shares a session among many clients, and refuses startup parameters that would change
    it.
    """
    arguments: dict[str, Any] = ENGINE_OPTIONS["connect_args"]
    if settings is None:
        return arguments
    if settings.database_pooler:
        return {name: value for name, value in arguments.items() if name != "options"}
    schema = settings.database_schema
    path = f'-c search_path="{schema}"{"" if schema == "public" else ",public"}' if schema else ""
    return arguments | {"options": " ".join(filter(None, (arguments["options"], path, settings.database_options)))}


class Database:
    """The engines of an application for the various kinds of transactions, and whether the database works."""

    def __init__(self, engine: Engine, settings: Settings | None) -> None:
        self.keeps_state = not (settings and settings.database_pooler)
        self._session = _session(settings)
        bounded: dict[str, Any] = {"cursor_factory": _LockBoundedCursor}
        if self.keeps_state:
            bounded = {"options": f"{self._session['options']} -c lock_timeout={LOCK_TIMEOUT_MS}"}
        options = ENGINE_OPTIONS | {"connect_args": self._session | bounded, "pool_size": LOCK_BOUNDED_CONNECTIONS}
        self.reader, self.lock_bounded = engine, create_engine(engine.url, **options)
        self.writer = engine.execution_options(isolation_level="READ COMMITTED")
        self.snapshots = engine.execution_options(isolation_level="REPEATABLE READ")
        # Why the database is unavailable at the moment.
        self.outage = Cause("database")
        self.reachability = Reachability(self._connect, self.give_up_connections)
        for each in (engine, self.lock_bounded):
            event.listen(each, "connect", _note_age)
            event.listen(each, "checkout", _refuse_stale)
            event.listen(each, "handle_error", _handle_error)

    def _connect(self) -> None:
        """Open a connection outside the pool and close it; raises psycopg2.OperationalError if nothing responds."""
        words, arguments = self.reader.dialect.create_connect_args(self.reader.url)
        try:
            psycopg2.connect(*words, **{**arguments, **self._session}).close()
        except psycopg2.OperationalError as error:
            # An error is a response too: too many connections, for example.
            if "FATAL:" not in str(error):
                raise

    def give_up_connections(self) -> None:
        """Close the idle connections of the pools, so that new ones are opened."""
        self.reader.dispose()
        self.lock_bounded.dispose()

    def connections_in_use(self) -> int:
        """The number of connections that are checked out."""
        return sum(each.pool.checkedout() for each in (self.reader, self.lock_bounded))  # type: ignore[attr-defined]


_database = PerApplication[Database]()


def bind(engine: Engine, settings: Settings | None = None) -> Database:
    """Set the engine of the application; called once by the factory."""
    database = Database(engine, settings)
    _database.set(database)
    return database


def engine() -> Engine:
    """The engine of the application; RuntimeError before the factory ran."""
    return _database.get().writer


def connections_keep_state() -> bool:
    """True if a connection keeps session state such as prepared statements between transactions."""
    return _database.get().keeps_state


def make_cooperative() -> None:
    """Make psycopg2 yield to other greenlets while PostgreSQL works; call it before any connection opens.

    A connection attempt fails after `SILENCE_TIMEOUT` seconds without a response, a statement once the database can't
    be reached otherwise, or after `RESPONSE_TIMEOUT` (psycopg2.OperationalError). libpq has no time-outs in this mode.
    """
    extensions.set_wait_callback(_wait)


def _wait(connection: extensions.connection) -> None:
    silent = 0.0
    while (state := connection.poll()) != extensions.POLL_OK:
        if _is_ready(connection.fileno(), _READABLE if state == extensions.POLL_READ else _WRITABLE):
            silent = 0.0
            continue
        silent += SILENCE_TIMEOUT
        is_open = connection.status in (extensions.STATUS_READY, extensions.STATUS_BEGIN)
        if not is_open or silent >= RESPONSE_TIMEOUT or not _database.get().reachability.check():
            raise psycopg2.OperationalError("The database did not respond in time.")


def _is_ready(descriptor: int, events: int) -> bool:
    """Wait until a descriptor is readable or writable; False after `SILENCE_TIMEOUT` seconds.

    gevent's `wait_read` does the same with objects that cost half as much as a short statement.
    """
    hub, resume = gevent.get_hub(), gevent.getcurrent().switch
    with hub.loop.io(descriptor, events) as ready, hub.loop.timer(SILENCE_TIMEOUT) as timer:
        ready.start(resume, True)
        # Not from the beginning of the loop's turn: a command may have begun it seconds ago.
        timer.start(resume, False, update=True)
        return bool(hub.switch())


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
    """Keep only the first line of PostgreSQL's error: others contain the row and parts of the statement with its values.
    Errors are logged."""
    if error.args:
        error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


def translate(db: AnyConnection, error: psycopg2.Error) -> psycopg2.Error:
    """The error to raise for an error of the driver on a connection of this module; drops connections that are lost."""
    _cut_off_values(error)
    if _is_given_up(error):
        db.invalidate(error)
        _database.get().give_up_connections()
        return psycopg2.OperationalError("The database takes no changes, or goes away.")
    if db.connection.dbapi_connection.closed:  # type: ignore[union-attr]
        return psycopg2.OperationalError("The connection to the database was lost.")
    return error


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection in autocommit mode; raises Unavailable."""
    database = _database.get()
    with _translated(database), database.reader.connect() as connection:
        yield connection


@contextmanager
def reading_directly() -> Iterator[DirectConnection]:
    """Like `reading()`, for prepared statements only."""
    database = _database.get()
    with _translated(database):
        pooled = database.reader.raw_connection()
        try:
            yield DirectConnection(pooled)
        finally:
            pooled.close()


@contextmanager
def writing() -> Iterator[Connection]:
    """A connection in a transaction, committed at the end of the block; raises Unavailable."""
    database = _database.get()
    with _translated(database), database.writer.begin() as connection:
        yield connection


@contextmanager
def snapshot() -> Iterator[Connection]:
    """A connection whose statements all see the same snapshot; raises Unavailable."""
    database = _database.get()
    with _translated(database), database.snapshots.connect() as connection, connection.begin():
        yield connection


@contextmanager
def lock_bounded() -> Iterator[Connection]:
    """Like `reading()`, on a connection whose statements wait for a lock at most `LOCK_TIMEOUT_MS`; raises Locked
    beyond that."""
    database = _database.get()
    with _translated(database), database.lock_bounded.connect() as connection:
        yield connection


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    """Raise Unavailable if the database does not respond or is read-only, and Locked for a lock timeout; other database
    errors pass unchanged. Raises at once while the database is lost."""
    if database.reachability.is_lost:
        raise Unavailable(_NO_RESPONSE, code="database_unavailable")
    try:
        yield
        if database.outage.known:
            database.outage.works()
    except (errors.DuplicatePreparedStatement, errors.InvalidSqlStatementName) as error:
        database.outage.failed(error, hint="A pooler in transaction mode needs pgbouncer=true in DATABASE_URL.")
        raise Unavailable(_NO_RESPONSE, code="database_unavailable") from error
    except (exc.TimeoutError, exc.DBAPIError, psycopg2.Error) as error:
        # The error is not assigned to another name: with its traceback that would be a cycle that keeps the connection
        # checked out.
        if _is_locked(error):
            raise Locked("The object is being changed. Try again.") from error
        if _is_unavailable(error):
            database.outage.failed(error)
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
