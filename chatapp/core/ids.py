"""Identifiers: UUID version 7 (RFC 9562), which sort by creation time."""

from datetime import datetime

from uuid_utils import uuid7


def new_id() -> str:
    """A new UUIDv7 in its canonical 36-character form."""
    return str(uuid7())


def first_id_at(moment: datetime) -> str:
    """The smallest UUIDv7 of ids created at `moment`: a bound of ids by time."""
    milliseconds = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7000-8000-000000000000"
