"""Identifiers: UUID version 7 (RFC 9562), which sort by the time they were made."""

from uuid_utils import uuid7


def new_id() -> str:
    """A fresh UUIDv7 in its canonical 36-character form."""
    return str(uuid7())
