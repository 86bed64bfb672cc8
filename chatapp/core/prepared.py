"""Prepared statements, for the large statements that run most often.

Planning one of these takes as long as executing it, and the driver sends plain text each time, so PREPARE stores the
plan on each connection. Behind a pooler in transaction mode (`pgbouncer=true` in DATABASE_URL), where each transaction
may use another server connection, they are sent and planned like other statements.
"""

import re
from collections.abc import Iterable
from typing import Any

import psycopg2

from chatapp.core.db import AnyConnection, Row, connections_keep_state, reading_directly, translate
from chatapp.core.errors import Json

# A plan suits the tables as they were when it was made: make a new one after so many executions.
EXECUTIONS = 1000
_PARAMETER = re.compile(r"(?<!:):([a-z]\w*)")


class Prepared:
    """A statement that is prepared as `name`; its parameters are written as `:chat_id`."""

    def __init__(self, name: str, sql: str) -> None:
        self.name = name
        names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
        self._unprepared = _PARAMETER.sub(lambda found: f"%({found[1]})s", sql.replace("%", "%%"))
        self._prepare = f"PREPARE {name} AS {numbered}"
        self._deallocate = f"DEALLOCATE {name}"
        self.call = f"EXECUTE {name} ({', '.join(f'%({each})s' for each in names)})"

    def read(self, values: Json) -> list[Row]:
        """Execute a statement that only reads, on a connection of its own; raises Unavailable, psycopg2.Error."""
        with reading_directly() as db:
            return self.execute(db, values)

    def execute(self, db: AnyConnection, values: Json) -> list[Row]:
        """Execute the statement with `values` and return its rows; raises psycopg2.Error."""
        return fetch(db, self.ready(db), values)

    def ready(self, db: AnyConnection) -> str:
        """The text for `fetch` that executes the statement on this connection, once; raises psycopg2.Error."""
        if not connections_keep_state():
            return self._unprepared
        info = db.info
        left = info.get(self.name)
        if not left:
            if left is not None:
                # Unknown until it is prepared again, which may fail.
                del info[self.name]
                fetch(db, self._deallocate)
            fetch(db, self._prepare)
            left = EXECUTIONS
        info[self.name] = left - 1
        return self.call


def fetch(db: AnyConnection, statement: str, values: Json | None = None) -> list[Row]:
    """Execute a statement with `%(name)s` parameters directly with the driver, on a connection of `db.py`.

    For frequent statements: SQLAlchemy would use as much CPU time as the driver. Raises psycopg2.Error.
    """
    connection: Any = db.connection.dbapi_connection
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            translated = translate(db, error)
            if translated is error:
                raise
            raise translated from error


def array(plain: Iterable[object]) -> str:
    """An array of ids, names or numbers as PostgreSQL text; they need no quoting, and the driver would quote each."""
    return f"{{{','.join(map(str, plain))}}}"
