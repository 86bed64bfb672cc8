"""Queries of the audit log."""

from datetime import datetime, timedelta

from orjson import Fragment
from sqlalchemy import text

from chatapp.core.db import reading
from chatapp.core.ids import first_id_at
from chatapp.core.objects import encode_object
from chatapp.core.pagination import Listing, Page
from chatapp.features.audit.schemas import AuditEntry

# By how much the clock of a worker, which creates the ids, may differ from that of the database.
_CLOCK_DIFFERENCE = timedelta(hours=1)
_FIRST_ID, _LAST_ID = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
# The bounds of ids let a filter by time use an index.
_LIST = text(
    f"""
    SELECT {encode_object(AuditEntry)}, e.id::text FROM audit_log e
    WHERE e.id < CAST(:before AS uuid) AND e.id BETWEEN CAST(:first AS uuid) AND CAST(:last AS uuid)
    AND (CAST(:from_ AS timestamptz) IS NULL OR e.at >= :from_)
    AND (CAST(:to AS timestamptz) IS NULL OR e.at <= :to)
    AND (CAST(:actor AS uuid) IS NULL OR e.actor_id = CAST(:actor AS uuid))
    AND (CAST(:target AS uuid) IS NULL OR e.target_id = CAST(:target AS uuid))
    AND (CAST(:action AS text) IS NULL OR e.action = :action
         OR (right(:action, 2) = '.*' AND starts_with(e.action, left(:action, -1))))
    ORDER BY e.id DESC LIMIT :limit
    """
)


def list_entries(
    *,
    actor: str | None,
    target: str | None,
    action: str | None,
    from_: datetime | None,
    to: datetime | None,
    limit: int,
    cursor: str | None,
) -> Page:
    """Entries that match all filters, newest first."""
    listing = Listing("audit", actor, target, action, from_, to)
    (before,) = listing.start(cursor) or (_LAST_ID,)
    values = {"actor": actor, "target": target, "action": action, "from_": from_, "to": to, "before": before}
    values["first"] = first_id_at(from_ - _CLOCK_DIFFERENCE) if from_ and from_.year > 1 else _FIRST_ID
    values["last"] = first_id_at(to + _CLOCK_DIFFERENCE) if to and to.year < 9999 else _LAST_ID
    with reading() as db:
        rows = db.execute(_LIST, values | {"limit": limit + 1})
        return listing.page([(Fragment(entry), [id]) for entry, id in rows], limit)
