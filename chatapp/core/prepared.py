"""Prepared statements, for the large statements that run most often.

Planning one of these takes as long as executing it, and the driver sends plain text each time, so PREPARE stores the
plan on each connection. Behind a pooler in transaction mode (`pgbouncer=true` in DATABASE_URL), where each transaction
may use another server connection, they are sent and planned like other statements.
"""

import re
from collections.abc import Iterable

from sqlalchemy import Connection

from chatapp.core.db import Row, connections_keep_state, fetch
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

    def execute(self, db: Connection, values: Json) -> list[Row]:
        """Execute the statement with `values` and return its rows; raises psycopg2.Error."""
        if not connections_keep_state():
            return fetch(db, self._unprepared, values)
        info = db.info
        left = info.get(self.name)
        if not left:
            if left is not None:
                fetch(db, self._deallocate)
            fetch(db, self._prepare)
            left = EXECUTIONS
        info[self.name] = left - 1
        return fetch(db, self.call, values)


def array(plain: Iterable[object]) -> str:
    """An array of ids, names or numbers as PostgreSQL text; they need no quoting, and the driver would quote each."""
    return f"{{{','.join(map(str, plain))}}}"
