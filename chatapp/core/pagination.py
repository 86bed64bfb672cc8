"""Keyset pagination: a page ends with an opaque cursor that names the row after which the next page starts.

The cost of a page depends neither on its depth nor on the size of the table, and new rows shift nothing.
"""

import base64
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from chatapp.core.errors import Json
from chatapp.core.schemas import Digits, Input, absent

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
# As milliseconds it is a time that PostgreSQL can represent.
MAX_KEY = 2**53 - 1
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CURSOR = "[A-Za-z0-9_-]{1,200}"


@dataclass(frozen=True, slots=True)
class Page:
    """Items in order, and the cursor of the next page (None on the last).

    Items that the database encoded as JSON stay encoded: decoding and encoding them again would cost more than all
    other work on them.
    """

    items: Sequence[Json | orjson.Fragment]
    next_cursor: str | None


class Cursor(fields.Field[tuple[Any, ...]]):
    """The opaque text of `meta.nextCursor`, decoded into the key of a row."""

    def __init__(self, *key: type, **kwargs: Any) -> None:
        self.key = key
        metadata = {
            "type": "string",
            "maxLength": 200,
            "pattern": f"^{_CURSOR}$",
            "description": "The `meta.nextCursor` of the previous page; omit it for the first page.",
        }
        super().__init__(load_default=absent, metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Any, ...]:
        try:
            is_text = isinstance(value, str) and re.fullmatch(_CURSOR, value)
            key = orjson.loads(base64.urlsafe_b64decode(value + "==")) if is_text else None
        except ValueError:
            key = None
        if not isinstance(key, list) or len(key) != len(self.key) or not all(map(_is, key, self.key)):
            raise ValidationError("Not a cursor of this list.")
        return tuple(key)


def _is(part: object, kind: type) -> bool:
    """True if a decoded part can be part of a key: nothing else may reach the database."""
    if kind is int:
        return type(part) is int and 0 <= part <= MAX_KEY
    if kind is uuid.UUID:
        return isinstance(part, str) and _UUID.fullmatch(part) is not None
    return isinstance(part, str) and "\0" not in part


def page_query(*key: type) -> type[Input]:
    """The schema of `?limit=&cursor=` for a list whose cursor contains values of the types `key`."""
    return Input.from_dict(  # type: ignore[return-value]
        {
            "limit": Digits(
                load_default=DEFAULT_LIMIT,
                validate=validate.Range(1, MAX_LIMIT),
                metadata={"description": "The maximum number of items in the page.", "example": 20},
            ),
            "cursor": Cursor(*key),
        },
        name="PageQuery",
    )


def page(rows: Sequence[tuple[Json | orjson.Fragment, Sequence[object]]], limit: int) -> Page:
    """The first `limit` of `rows` (fetch one more), each an item and its key, as a page."""
    items = [item for item, _ in rows[:limit]]
    return Page(items, encode_cursor(rows[limit - 1][1]) if len(rows) > limit else None)


def encode_cursor(key: Sequence[object]) -> str:
    """The opaque text for a row's key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()
