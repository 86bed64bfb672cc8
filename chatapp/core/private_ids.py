"""Removes external ids from what users get, with `EXTERNAL_IDS=private`: only servers see them, and users their own."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from marshmallow import Schema, fields

from chatapp.core import settings
from chatapp.core.identity import Actor
from chatapp.core.objects import ApiObject

# Fields with objects of any content.
_OPAQUE = frozenset({"data", "privateData", "system"})


def hides_from(actor: Actor | None, schema: type[Schema] | None) -> bool:
    """True if an object of this schema has external ids to hide from the actor: not from an API key that acts as a user."""
    if not settings.current().external_ids_private or actor is None or schema is None:
        return False
    return not actor.acting and has_external_ids(schema)


@cache
def has_external_ids(schema: type[Schema]) -> bool:
    """True if objects of this schema can have external ids, at any depth."""
    return any(name == "externalId" or _field_has_ids(field) for name, field in schema().fields.items())


def _field_has_ids(field: fields.Field[Any]) -> bool:
    if isinstance(field, fields.Nested):
        return has_external_ids(type(field.schema))
    parts = (getattr(field, name, None) for name in ("inner", "value_field"))
    return any(_field_has_ids(part) for part in parts if part)


def visible_to(actor: Actor, encoded: bytes) -> bytes:
    """The JSON of an object or a list without the external ids that the actor may not see."""
    return orjson.dumps(_without_ids(orjson.loads(encoded), actor.user_id))


def visible_to_all(payload: ApiObject) -> ApiObject:
    """The payload of an event without external ids, which are the same bytes for all recipients."""
    visible: ApiObject = _without_ids(payload, None)
    return visible


def _without_ids(value: Any, reader_id: str | None) -> Any:
    if isinstance(value, list):
        return [_without_ids(each, reader_id) for each in value]
    if not isinstance(value, Mapping):
        return value
    is_own = reader_id is not None and value.get("id") == reader_id
    return {
        name: part if name in _OPAQUE else _without_ids(part, reader_id)
        for name, part in value.items()
        if name != "externalId" or is_own
    }
