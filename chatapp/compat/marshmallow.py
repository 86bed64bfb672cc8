"""Private names of marshmallow.

- `Field._deserialize` converts a value: documented for fields to override, here also called. `Schema._hooks` lists the
  decorated methods of a schema. Both are for loading payloads at a fraction of the cost of `Schema.load`
  (docs/decisions/0089).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import Schema, fields
from marshmallow.decorators import VALIDATES_SCHEMA

TESTED = ("4.4.0", "4.4.0")


def conversion_of(field: fields.Field[Any]) -> Callable[[Any], Any]:
    """A function that converts and validates a value as the field does; raises ValidationError."""
    key: Any = field.data_key or field.name

    def convert(value: Any) -> Any:
        converted = field._deserialize(value, key, {key: value})
        for validator in field.validators:
            validator(converted)
        return converted

    return convert


def checks_of(schema: Schema) -> list[Callable[[dict[str, Any]], None]]:
    """The validators of a schema as a whole. Raises TypeError for a schema with other hooks."""
    if {tag for tag, found in schema._hooks.items() if found} - {VALIDATES_SCHEMA}:
        raise TypeError(f"{type(schema).__name__} can't be loaded: it has hooks other than `validates_schema`.")
    hooks = [getattr(schema, hook) for hook, _, _ in schema._hooks.get(VALIDATES_SCHEMA, ())]
    return [partial(hook, partial=False, many=False, unknown=schema.unknown) for hook in hooks]
