"""Private names of marshmallow.

- `Field._deserialize` converts a value: documented for fields to override, here also called. `Schema._hooks` lists the
  decorated methods of a schema, and the schema's validators get `partial`, `many` and `unknown`. Both are for loading
  payloads at a tenth of the cost of `Schema.load` (`core/schemas.py`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import Schema, fields
from marshmallow.decorators import VALIDATES_SCHEMA

TESTED = ("4.4.0", "4.4.0")


def deserializer(field: fields.Field[Any]) -> Callable[[Any, str, Any], Any]:
    """The function `(value, key, payload)` that converts the value of a field; raises ValidationError."""
    return field._deserialize


def schema_validators(schema: Schema) -> list[Callable[[Any], Any]] | None:
    """The functions that validate a loaded object of `schema`; None if it has decorated methods of other kinds."""
    if {tag for tag, found in schema._hooks.items() if found} - {VALIDATES_SCHEMA}:
        return None
    return [
        partial(getattr(schema, name), partial=False, many=False, unknown=schema.unknown)
        for name, _, _ in schema._hooks.get(VALIDATES_SCHEMA, ())
    ]
