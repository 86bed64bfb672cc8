"""Keyset paging: a page ends with an opaque cursor that says after which row the next one starts.

The cost of a page depends neither on its depth nor on the size of the table, and rows that arrive meanwhile shift
nothing.
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
# As a number of milliseconds it is a moment that PostgreSQL can still hold.
MAX_KEY = 2**53 - 1
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CURSOR = "[A-Za-z0-9_-]{1,200}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, in order, and the cursor of the page after them (None on the last).

    An item that the database wrote as JSON stays as it is: to read it and write it again would take longer than all
    else that is done with it.
    """

    items: Sequence[Json | orjson.Fragment]
    next_cursor: str | None


class Cursor(fields.Field[tuple[Any, ...]]):
    """The opaque text of `meta.nextCursor`, read back into the key of the row that it points at."""

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
    """Whether a part of a forged cursor could stand in a key: nothing else may reach the database."""
    if kind is int:
        return type(part) is int and 0 <= part <= MAX_KEY
    if kind is uuid.UUID:
        return isinstance(part, str) and _UUID.fullmatch(part) is not None
    return isinstance(part, str) and "\0" not in part


def page_query(*key: type) -> type[Input]:
    """The schema of `?limit=&cursor=` for a list whose cursor holds values of the types in `key`."""
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
    """The first `limit` of `rows` (fetch one more than that), each an item and the key that a cursor may name."""
    items = [item for item, _ in rows[:limit]]
    return Page(items, encode_cursor(rows[limit - 1][1]) if len(rows) > limit else None)


def encode_cursor(key: Sequence[object]) -> str:
    """The opaque text for a row's key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()
