"""How Alembic reaches the application's database and tables; run by `flask db …`."""

import sys

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from chatapp.core import settings
from chatapp.core.causes import first_line
from chatapp.core.db import Base

# Made by hand in a migration, so that no model describes them.
HAND_MADE = {"message_statuses"}


def run() -> None:
    """Bring the schema up to date in one transaction, or say in a sentence why the database does not let it."""
    engine = current_app.extensions["migrate"].db.engine
    try:
        connection = engine.connect().execution_options(isolation_level="READ COMMITTED")
    except DBAPIError as error:
        sys.exit(f"error: The database does not answer: {first_line(error)}")
    try:
        with connection:
            migrate(connection)
    except DBAPIError as error:
        sys.exit(f"error: The database could not be brought up to date: {first_line(error)}")


def migrate(connection: Connection) -> None:
    """Run the migrations that `connection` lacks, in the schema that DATABASE_URL names."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=lambda name, kind, _parents: kind != "table" or name not in HAND_MADE,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        # Two releases at once: the second waits here, then finds nothing left to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chatapp migrations'))"))
        schema = f'"{settings.current().database_schema or "public"}"'
        # Asked first: IF NOT EXISTS needs the right to create even where there is nothing to do.
        if not connection.execute(text("SELECT to_regnamespace(:name)"), {"name": schema}).scalar():
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        context.run_migrations()


run()
