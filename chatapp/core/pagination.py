"""Keyset pagination: a page ends with an opaque cursor that names the row after which the next page starts.

The cost of a page depends neither on its depth nor on the size of the table, and new rows shift nothing.
"""

import base64
import hmac
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

import orjson
from marshmallow import ValidationError, fields, validate

from chatapp.core import settings
from chatapp.core.errors import Malformed
from chatapp.core.objects import ApiObject, schema_of
from chatapp.core.schemas import Digits, Input, absent

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
# As milliseconds it is a time that PostgreSQL can represent.
MAX_KEY = 2**53 - 1
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# With a display name of 80 characters, of up to 6 bytes and a mark each.
_MAX_CURSOR = 1000
_CURSOR = f"[A-Za-z0-9_-]{{1,{_MAX_CURSOR}}}"
_CURSOR_METADATA = {
    "type": "string",
    "maxLength": _MAX_CURSOR,
    "pattern": f"^{_CURSOR}$",
    "description": "The `meta.nextCursor` of the previous page; omit it for the first page.",
}
# Bytes of the signature of a cursor.
_SIGNATURE = 12


@dataclass(frozen=True, slots=True)
class Page:
    """Items in order, and the cursor of the next page (None on the last).

    Items that the database encoded as JSON stay encoded: decoding and encoding them again would cost more than all
    other work on them.
    """

    items: Sequence[ApiObject | orjson.Fragment]
    next_cursor: str | None
    # Of a page that starts in the middle of a list: whether there are newer items, and the cursor of their page.
    has_newer: bool | None = None
    previous_cursor: str | None = None
    # Whether the page was cut off after a time limit.
    is_partial: bool = False

    def meta(self) -> ApiObject:
        """Where the list continues: a `PageMeta`, or a kind of it."""
        meta: dict[str, object] = {"nextCursor": self.next_cursor, "hasMore": self.next_cursor is not None}
        if self.has_newer is not None:
            meta["hasNewer"] = self.has_newer
        if self.previous_cursor:
            meta["prevCursor"] = self.previous_cursor
        if self.is_partial:
            meta["isPartial"] = True
        return meta


class PageMeta(TypedDict):
    """Pagination of a list."""

    nextCursor: Annotated[str | None, "The `cursor` of the next page; null on the last page."]
    hasMore: Annotated[bool, "True if there is a next page."]


class HistoryMeta(PageMeta):
    """Pagination of a list that continues in both directions."""

    prevCursor: NotRequired[
        Annotated[str, "The `cursor` of the adjacent page of newer items; absent if there are none."]
    ]
    hasNewer: NotRequired[
        Annotated[bool, "True if there are newer items. Only in responses to `around` and to a `prevCursor`."]
    ]


HistoryMetaSchema = schema_of(HistoryMeta)


class PartialMeta(PageMeta):
    """Pagination of a list whose pages are bounded in time."""

    isPartial: NotRequired[
        Annotated[
            bool,
            "True if the time limit of a page ended the search before the page was full: the page may even be empty. "
            "Absent otherwise.",
        ]
    ]


PartialMetaSchema = schema_of(PartialMeta)


class Cursor(fields.Field[tuple[Any, ...]]):
    """The opaque text of `meta.nextCursor`, decoded into the key of a row."""

    def __init__(self, *key: type, **kwargs: Any) -> None:
        self.key = key
        super().__init__(load_default=absent, metadata=_CURSOR_METADATA | kwargs.pop("metadata", {}), **kwargs)

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
    return _page_query(Cursor(*key))


def list_query(default_limit: int = DEFAULT_LIMIT, max_limit: int = MAX_LIMIT) -> type[Input]:
    """The schema of `?limit=&cursor=` for a `Listing`."""
    return _page_query(SignedCursor(load_default=absent, metadata=_CURSOR_METADATA), default_limit, max_limit)


def _page_query(
    cursor: fields.Field[Any], default_limit: int = DEFAULT_LIMIT, max_limit: int = MAX_LIMIT
) -> type[Input]:
    return Input.from_dict(  # type: ignore[return-value]
        {
            "limit": Digits(
                load_default=default_limit,
                validate=validate.Range(1, max_limit),
                metadata={"description": "The maximum number of items in the page.", "example": 20},
            ),
            "cursor": cursor,
        },
        name="PageQuery",
    )


class SignedCursor(fields.String):
    """The cursor of a `Listing`, which checks it. The endpoint documents `cursor_invalid` (400)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return str(value)


class Listing:
    """A list of one name and one set of filters: it accepts no cursors but its own.

    listing = Listing("audit", actor, action)
    rows = db.execute(…, {"before": listing.start(cursor), "limit": limit + 1})
    return listing.page([(entry, [id]) for entry, id in rows], limit)
    """

    def __init__(self, name: str, *filters: object) -> None:
        self._about = orjson.dumps([name, *filters], default=str)

    def start(self, cursor: str | None) -> tuple[Any, ...] | None:
        """The key of the row before the page, None for the first page; raises Malformed (`cursor_invalid`)."""
        if cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(cursor + "==") if re.fullmatch(_CURSOR, cursor) else b""
        except ValueError:
            raw = b""
        signature, key = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(key)):
            raise Malformed("The cursor is not one of this list and query.", code="cursor_invalid")
        return tuple(orjson.loads(key))

    def page(self, rows: Sequence[tuple[ApiObject | orjson.Fragment, Sequence[object]]], limit: int) -> Page:
        """The first `limit` of `rows` (fetch one more), each an item and its key, as a page."""
        items = [item for item, _ in rows[:limit]]
        return Page(items, self.cursor(rows[limit - 1][1]) if len(rows) > limit else None)

    def cursor(self, key: Sequence[object]) -> str:
        """The cursor of the page after the row with this key."""
        encoded = orjson.dumps(list(key))
        return base64.urlsafe_b64encode(self._sign(encoded) + encoded).rstrip(b"=").decode()

    def _sign(self, key: bytes) -> bytes:
        secret = settings.current().access_secret.encode()
        return hmac.digest(secret, b"cursor\0" + self._about + b"\0" + key, "sha256")[:_SIGNATURE]


def page(rows: Sequence[tuple[ApiObject | orjson.Fragment, Sequence[object]]], limit: int) -> Page:
    """The first `limit` of `rows` (fetch one more), each an item and its key, as a page."""
    items = [item for item, _ in rows[:limit]]
    return Page(items, encode_cursor(rows[limit - 1][1]) if len(rows) > limit else None)


def encode_cursor(key: Sequence[object]) -> str:
    """The opaque text for a row's key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()
