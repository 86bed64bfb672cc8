"""Checks whether this machine can serve with its settings."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import redis
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask.cli import with_appcontext
from rich.console import Console
from rich.markup import escape
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from chatapp.compat.versions import untested_libraries
from chatapp.core import jobs, outbox, redis_limits, settings
from chatapp.core.causes import first_line
from chatapp.core.db import MIN_POOL_SIZE, reading, writing
from chatapp.core.errors import Unavailable
from chatapp.core.ids import new_id
from chatapp.core.settings import Settings
from chatapp.fanout.publisher import CHANNEL
from chatapp.fanout.shards import Shards
from chatapp.features.files.queries import other_folders
from chatapp.features.files.storage import LocalStorage, storage
from chatapp.features.presence.queries import count_live_workers, split_workers
from chatapp.features.search import jobs as search

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
MIN_POSTGRES = 14
# Each socket is an open file; the rest are database connections, logs and the like.
FEW_FILES = 4096
REDIS_TIMEOUT = 5.0
# After this time an event should have been processed by all its subscribers.
LATE_SECONDS = 60.0
# More changes than workers commit until they index them.
MANY_CHANGES = 10_000
# Workers subscribe to another channel.
CHECK_CHANNEL = b"chatapp:check"
# PgBouncer's error for the startup parameters with which the server sets up its sessions.
STARTUP_REFUSED = "unsupported startup parameter"
_CLOSED_TABLES = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(current_schema()::text) AND c.relkind IN ('r', 'p')
    AND c.relname <> 'alembic_version'
    AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
             AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
    ORDER BY c.relname
"""


class CheckWarning(Exception):
    """A setting that works but should be changed."""


class CheckFailure(Exception):
    """A problem that keeps the server from working."""


@click.command()
@with_appcontext
def check() -> None:
    """Show all settings, and test the services that the server needs. The exit code is 1 if a test fails."""
    console, config = Console(soft_wrap=True, highlight=False), settings.current()
    for name, value in config.shown.items():
        console.print(f"[dim]{name}[/]={escape(value)}")
    console.print()
    failed = False
    for name, run in CHECKS.items():
        sign, said = "[green]ok   [/]", ""
        try:
            said = run(config)
        except CheckWarning as warning:
            sign, said = "[yellow]mind [/]", str(warning)
        except CheckFailure as failure:
            sign, said, failed = "[red]fails[/]", str(failure), True
        console.print(f"{sign} [bold]{name:<10}[/] {escape(said)}")
    if failed:
        raise click.exceptions.Exit(1)


def _database(config: Settings) -> str:
    with _asking_database(config), reading() as db:
        version = db.execute(text("SHOW server_version")).scalar_one()
        schema = db.execute(text("SELECT current_schema()")).scalar()
        _check_connections(config, db)
    if config.database_schema and schema != config.database_schema:
        raise CheckFailure(
            f"The schema {config.database_schema} of DATABASE_URL does not exist: flask --app wsgi db upgrade"
        )
    if int(version.split(".")[0]) < MIN_POSTGRES:
        raise CheckFailure(f"PostgreSQL {version} is too old: {MIN_POSTGRES} or later is needed.")
    wanted, allowed = _needed_connections(config, config.workers)
    pooled = ", through a pooler in transaction mode" if config.database_pooler else ""
    return f"PostgreSQL {version}{pooled}; the workers use up to {wanted} of its {allowed} connections."


def _needed_connections(config: Settings, workers: int) -> tuple[int, int]:
    """The number of connections that so many workers may need, and the number that PostgreSQL accepts; raises
    CheckWarning if it is too low."""
    with _asking_database(config), reading() as db:
        accepted = int(db.execute(text("SHOW max_connections")).scalar_one())
    wanted = workers * max(config.database_pool_size, MIN_POOL_SIZE)
    if wanted > accepted - 5:
        raise CheckWarning(
            f"{workers} workers may want {wanted} of PostgreSQL's {accepted} connections: "
            "lower DATABASE_POOL_SIZE, or raise max_connections."
        )
    return wanted, accepted


@contextmanager
def _asking_database(config: Settings) -> Iterator[None]:
    """Convert a database error to CheckFailure, with the first line of the driver's message."""
    try:
        yield
    except (Unavailable, DBAPIError) as error:
        cause = first_line(error.__cause__ or error)
        hint = " A pooler in transaction mode needs pgbouncer=true in DATABASE_URL." if STARTUP_REFUSED in cause else ""
        raise CheckFailure(f"{config.shown['DATABASE_URL']} can't be used: {cause}{hint}") from None


def _check_connections(config: Settings, db: Connection) -> None:
    """Raise CheckFailure for a pooler in transaction mode, whose connections keep no prepared statements, without the
    setting for it."""
    backend = text("SELECT pg_backend_pid()")
    before = db.execute(backend).scalar_one()
    with writing() as other:
        # A pooler in transaction mode lends this transaction the connection that `db` has just returned.
        lent = other.execute(backend).scalar_one()
        if not config.database_pooler and (lent == before or db.execute(backend).scalar_one() != before):
            raise CheckFailure(
                f"{config.shown['DATABASE_URL']} is a pooler in transaction mode: add pgbouncer=true to it."
            )


def _migrations(config: Settings) -> str:
    script = Config()
    script.set_main_option("script_location", str(MIGRATIONS))
    newest = ScriptDirectory.from_config(script).get_current_head()
    with _asking_database(config), reading() as db:
        there = db.execute(text("SELECT to_regclass('alembic_version')")).scalar()
        present = db.execute(text("SELECT version_num FROM alembic_version")).scalar() if there else None
        closed = db.execute(text(_CLOSED_TABLES)).scalars().all()
    if present != newest:
        raise CheckFailure(
            f"The database is at {present or 'nothing'}, the code at {newest}: flask --app wsgi db upgrade"
        )
    if closed:
        raise CheckFailure(f"The role may not read and change all tables: GRANT on {', '.join(closed)}.")
    return f"The database is at {newest}, as the code is."


def _queue(config: Settings) -> str:
    if not config.redis_url:
        if config.workers > 1:
            raise CheckFailure(f"REDIS_URL is not set, and {config.workers} workers need a queue between them.")
        return "Not needed by one worker on one machine."
    shown = config.shown["REDIS_URL"]
    shards = Shards(config.redis_url, timeout=REDIS_TIMEOUT, silence=REDIS_TIMEOUT)
    actions: dict[str, Callable[[], object]] = {
        "connect": shards.open,
        f"subscribe to the channel {CHANNEL.decode()}": lambda: shards.probe(CHANNEL),
        f"publish to the channel {CHECK_CHANNEL.decode()}": lambda: shards.publish({CHECK_CHANNEL: b""}),
        "count rate limits": lambda: redis_limits.probe(str(config.redis_url)),
    }
    try:
        for action, ask in actions.items():
            try:
                ask()
            except (redis.RedisError, OSError) as error:
                raise CheckFailure(f"{shown} does not let the server {action}: {first_line(error)}") from None
        return f"{shards}."
    finally:
        shards.close()


def _servers(config: Settings) -> str:
    with _asking_database(config):
        split, live = split_workers(), count_live_workers()
    if split:
        names = ", ".join(f"{worker.host} (process {worker.pid})" for worker in split)
        raise CheckWarning(
            f"These workers share the database and miss each other's events, so set one REDIS_URL: {names}."
        )
    _needed_connections(config, live)
    return f"Workers on this database: {live}. None misses the events of others."


def _outbox(config: Settings) -> str:
    with _asking_database(config):
        late = [state for state in outbox.states() if state.failures or state.age > LATE_SECONDS]
    if late:
        listed = ", ".join(
            f"{state.subscriber} ({state.rows} events wait, the oldest for {state.age:.0f} s; "
            f"{state.failures} failures, the last one {state.error or 'none'})"
            for state in late
        )
        raise CheckWarning(f"These subscribers are behind: {listed}.")
    return "No subscriber is behind."


def _jobs(config: Settings) -> str:
    with _asking_database(config):
        troubled = jobs.troubled()
    if troubled:
        listed = ", ".join(f"{job.type} ({job.status}, attempts {job.attempts}, {job.error})" for job in troubled)
        raise CheckWarning(f"These jobs failed: {listed}. The log has the reasons (`job_failed`).")
    return "No job failed."


def _search(config: Settings) -> str:
    with _asking_database(config):
        if not config.has_search:
            if search.has_index():
                raise CheckWarning(
                    "SEARCH=off, but words of messages are still stored, of deleted ones too: chat reindex --delete."
                )
            return "SEARCH=off: messages are not indexed."
        chats, changes = search.behind()
    missing = f"{changes} changes of {chats} chats are not indexed"
    if changes > MANY_CHANGES:
        raise CheckWarning(f"{missing}: the server does it in the background, `chat reindex` does it sooner.")
    return f"{missing}." if changes else "All messages are indexed."


def _files(config: Settings) -> str:
    name = f"check-{new_id()}"
    place = f"bucket {config.s3_bucket}" if config.s3_bucket else f"folder {config.upload_path}"
    try:
        with open(os.devnull, "rb") as nothing:
            storage().save(name, nothing, "text/plain")
        storage().delete([name])
    except Exception as error:
        raise CheckFailure(f"The {place} can't be written to ({type(error).__name__}: {error}).") from None
    _same_folder(storage())
    return f"The {place} can be written to."


def _same_folder(store: object) -> None:
    """Raise CheckWarning if files are in other upload folders than this server's."""
    if not isinstance(store, LocalStorage):
        return
    own = store.known_folder_id()
    try:
        others = other_folders(own)
    except (Unavailable, DBAPIError):
        return  # The other checks report it.
    if others:
        listed = ", ".join(f"{folder_id} ({count})" for folder_id, count in others.items())
        raise CheckWarning(
            f"Files are in other upload folders than this one (id {own or 'none yet'}): {listed}. "
            "All servers need the same folder, or a bucket."
        )


def _libraries(_config: Settings) -> str:
    if untested := untested_libraries():
        listed = ", ".join(f"{library} {installed} (tested: {tested})" for library, installed, tested in untested)
        raise CheckWarning(
            f"The server uses private names of libraries in versions that were not tested: {listed}. "
            "Install requirements.txt."
        )
    return "The versions of libraries whose private names the server uses were tested."


def _open_files(_config: Settings) -> str:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < FEW_FILES:
        raise CheckWarning(f"A worker may have {soft} files open, and each socket is one: raise `ulimit -n`.")
    return f"A worker may have {soft} files open, and each socket is one."


def _exposure(config: Settings) -> str:
    if config.app_env != "production":
        return f"APP_ENV={config.app_env}: for this machine's user, not for the internet."
    warnings = [warning for warning in _warnings(config) if warning]
    if warnings:
        raise CheckWarning(" ".join(warnings))
    return "No insecure settings found."


def _warnings(config: Settings) -> Iterator[str]:
    if "*" in config.cors_origins:
        yield "CORS_ORIGIN=* allows requests from every web page."
    if not config.ratelimit_enabled:
        yield "RATELIMIT_ENABLED=false turns off all rate limits."
    if config.metrics_port and not config.metrics_token:
        yield "Every client that reaches METRICS_PORT can read the metrics: set METRICS_TOKEN too, or keep the port private."


CHECKS: dict[str, Callable[[Settings], str]] = {
    "database": _database,
    "migrations": _migrations,
    "queue": _queue,
    "servers": _servers,
    "outbox": _outbox,
    "jobs": _jobs,
    "search": _search,
    "files": _files,
    "open files": _open_files,
    "libraries": _libraries,
    "exposure": _exposure,
}
