"""Actions on the audit log."""

from datetime import timedelta

from sqlalchemy import text

from chatapp.core import settings
from chatapp.core.clock import now
from chatapp.core.ids import first_id_at
from chatapp.core.unit_of_work import unit_of_work

_PRUNE = text(
    """
    DELETE FROM audit_log WHERE id IN (
        SELECT id FROM audit_log WHERE id < CAST(:before AS uuid) ORDER BY id LIMIT :limit
    )
    """
)


def prune_audit_log(limit: int) -> int:
    """Delete up to `limit` entries older than `AUDIT_DAYS`; returns how many were deleted."""
    before = first_id_at(now() - timedelta(days=settings.current().audit_days))
    with unit_of_work() as work:
        return int(work.db.execute(_PRUNE, {"before": before, "limit": limit}).rowcount)
