"""Private names of marshmallow.

- `Field._deserialize` converts a value: documented for fields to override, here also called. `Schema._hooks` lists the
  decorated methods of a schema. Both are for loading payloads at a fifth of the cost of `Schema.load`
  (docs/decisions/0018).
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing
from marshmallow.decorators import VALIDATES_SCHEMA

TESTED = ("4.4.0", "4.4.0")


def load_directly(schema: Schema, payload: dict[str, Any]) -> dict[str, Any] | None:
    """The result of `schema.load`; None for an invalid payload, which `schema.load` then explains."""
    known, required, hooks = _parts(schema)
    if hooks is None or not required <= payload.keys() <= known.keys():
        return None
    loaded: dict[str, Any] = {}
    try:
        for key, (name, field) in known.items():
            if key not in payload:
                default = field.load_default
                if default is not missing:
                    loaded[name] = default() if callable(default) else default
                continue
            value = payload[key]
            if value is not None:
                value = field._deserialize(value, key, payload)
                for validator in field.validators:
                    validator(value)
            elif not field.allow_none:
                return None
            loaded[name] = value
        for hook in hooks:
            hook(loaded, partial=False, many=False, unknown=schema.unknown)
    except ValidationError:
        return None
    return loaded


@cache
def _parts(
    schema: Schema,
) -> tuple[dict[str, tuple[str, fields.Field[Any]]], frozenset[str], list[Callable[..., Any]] | None]:
    """The fields of a schema by their keys in JSON, each with its attribute name; the keys of required fields; and
    the schema's validators, None for a schema with other hooks."""
    known = {field.data_key or name: (field.attribute or name, field) for name, field in schema.load_fields.items()}
    required = frozenset(key for key, (_, field) in known.items() if field.required)
    if {tag for tag, found in schema._hooks.items() if found} - {VALIDATES_SCHEMA}:
        return known, required, None
    return known, required, [getattr(schema, hook) for hook, _, _ in schema._hooks.get(VALIDATES_SCHEMA, ())]
