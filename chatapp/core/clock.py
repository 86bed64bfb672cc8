"""Timestamps of the API: RFC 3339, UTC, milliseconds."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


def wire_time(moment: datetime) -> str:
    """`moment` as RFC 3339 in UTC with milliseconds: `2026-11-22T10:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
