"""How Alembic reaches the application's database and tables; run by `flask db …`."""

import sys

from alembic import context
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from chatapp.core.db import Base

# Made by hand in a migration, so that no model describes them.
HAND_MADE = {"message_statuses"}


def run() -> None:
    """Bring the schema up to date in one transaction, or say in a sentence that the database is out of reach."""
    engine = current_app.extensions["migrate"].db.engine
    try:
        connection = engine.connect().execution_options(isolation_level="READ COMMITTED")
    except OperationalError as error:
        sys.exit(f"error: The database does not answer: {str(error.orig).strip().splitlines()[0]}")
    with connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=lambda name, kind, _parents: kind != "table" or name not in HAND_MADE,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            # Two releases at once: the second waits here, then finds nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chatapp migrations'))"))
            context.run_migrations()


run()
