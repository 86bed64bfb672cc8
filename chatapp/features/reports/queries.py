"""Queries of reports, for moderators."""

from orjson import Fragment
from sqlalchemy import Connection, text

from chatapp.core import settings
from chatapp.core.db import reading
from chatapp.core.identity import Principal
from chatapp.core.objects import encode_object
from chatapp.core.pagination import Listing, Page
from chatapp.features.reports.schemas import Report

_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_REPORT = encode_object(Report)
_LIST = text(
    f"""
    SELECT {_REPORT}, r.id::text FROM reports r
    WHERE r.id < CAST(:before AS uuid) AND (CAST(:status AS text) IS NULL OR r.status = :status)
    ORDER BY r.id DESC LIMIT :limit
    """
)
_ONE = text(f"SELECT CAST({_REPORT} AS json) FROM reports r WHERE r.id = :id")


def list_reports(
    principal: Principal, *, status: str | None, expand: str | None, limit: int, cursor: str | None
) -> Page:
    """Reports with this status, or all, newest first."""
    listing = Listing("reports", status)
    (before,) = listing.start(cursor) or (_LAST_ID,)
    values = {"before": before, "status": status, "limit": limit + 1, "expands": expand is not None}
    with reading() as db:
        rows = db.execute(_LIST, values | _seen_by(principal))
        return listing.page([(Fragment(report), [id]) for report, id in rows], limit)


def read_report(db: Connection, principal: Principal, report_id: str) -> Report:
    """An existing report."""
    values = {"id": report_id, "expands": False}
    return db.execute(_ONE, values | _seen_by(principal)).scalar_one()  # type: ignore[no-any-return]


def _seen_by(principal: Principal) -> dict[str, bool]:
    """With `EXTERNAL_IDS=private` only API keys see external ids."""
    return {"sees_external_ids": principal.type == "key" or not settings.current().external_ids_private}
