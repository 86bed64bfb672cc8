"""Statements that PostgreSQL plans once for many executions: the large ones that run all the time.

Planning one of these takes as long as executing it. The driver sends each as text of its own, so the plan is kept by
SQL's PREPARE, on each connection.
"""

import re
from typing import Any

from sqlalchemy import Connection, CursorResult, text

from chatapp.core.errors import Json

# A plan suits the tables as they were when it was made: it is made anew after so many executions.
EXECUTIONS = 1000
_PARAMETER = re.compile(r"(?<!:):([a-z]\w*)")


class Prepared:
    """A statement that is kept as `name`; its parameters stand in it as `:chat_id`."""

    def __init__(self, name: str, sql: str) -> None:
        self.name = name
        names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
        self._prepare = text(f"PREPARE {name} AS {numbered}")
        self._deallocate = text(f"DEALLOCATE {name}")
        self.call = text(f"EXECUTE {name} ({', '.join(f':{each}' for each in names)})")

    def execute(self, db: Connection, values: Json) -> CursorResult[*tuple[Any, ...]]:
        """What the statement gives, with `values` for its parameters."""
        left = db.info.get(self.name)
        if not left:
            if left is not None:
                db.execute(self._deallocate)
            db.execute(self._prepare)
            left = EXECUTIONS
        db.info[self.name] = left - 1
        return db.execute(self.call, values)
