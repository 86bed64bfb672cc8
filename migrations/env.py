"""How Alembic reaches the application's database and tables; run by `flask db …`."""

import sys
import time

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from chatapp.core import settings
from chatapp.core.causes import first_line
from chatapp.core.db import Base

# Made by hand in a migration, so that no model describes them.
HAND_MADE = {"message_statuses"}
RETRY_SECONDS = 0.2


def run() -> None:
    """Bring the schema up to date, or say in a sentence why the database does not let it."""
    engine = current_app.extensions["migrate"].db.engine
    try:
        connection = engine.connect().execution_options(isolation_level="READ COMMITTED")
    except DBAPIError as error:
        sys.exit(f"error: The database does not answer: {first_line(error)}")
    try:
        with connection, engine.connect() as guard:
            take_turn(guard)
            migrate(connection)
    except DBAPIError as error:
        sys.exit(f"error: The database could not be brought up to date: {first_line(error)}")


def take_turn(guard: Connection) -> None:
    """Wait until no other release migrates; the transaction of `guard` then keeps others waiting.

    It asks again and again: a statement that waits for the lock would delay `CREATE INDEX CONCURRENTLY` for ever.
    """
    while not guard.execute(text("SELECT pg_try_advisory_xact_lock(hashtext('chatapp migrations'))")).scalar():
        guard.rollback()
        time.sleep(RETRY_SECONDS)


def migrate(connection: Connection) -> None:
    """Run the migrations that `connection` lacks, in the schema that DATABASE_URL names."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=lambda name, kind, _parents: kind != "table" or name not in HAND_MADE,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        schema = f'"{settings.current().database_schema or "public"}"'
        # Asked first: IF NOT EXISTS needs the right to create even where there is nothing to do.
        if not connection.execute(text("SELECT to_regnamespace(:name)"), {"name": schema}).scalar():
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        context.run_migrations()


run()
