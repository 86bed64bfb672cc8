"""What the OpenAPI and AsyncAPI documents have in common: apispec's schemas, completed."""

import re
from typing import Any

from apispec import BasePlugin
from marshmallow import Schema, fields

from chatapp.compat.apispec import document_of, schemas_of
from chatapp.core.errors import Json
from chatapp.core.schemas import Choice


def mapping2properties(_converter: object, field: fields.Field[Any], ret: Json) -> Json:
    """Adds to apispec's schemas of mappings the bounds of their properties and the pattern of their keys."""
    if isinstance(field, fields.Dict):
        for wrong, right in (("minLength", "minProperties"), ("maxLength", "maxProperties")):
            if wrong in ret:
                ret[right] = ret.pop(wrong)
        if field.key_field and "format" in field.key_field.metadata:
            ret["propertyNames"] = {"format": field.key_field.metadata["format"]}
    return {}


def choice2reference(converter: Any, field: fields.Field[Any], ret: Json) -> Json:
    """References the enumeration of a choice, so that generated clients have one type for it."""
    if isinstance(field, Choice):
        spec = document_of(converter)
        if field.kind not in schemas_of(spec):
            spec.components.schema(field.kind, {"type": "string", "enum": list(field.words)})
        for part in ("type", "enum"):
            del ret[part]
        reference = {"$ref": f"#/components/schemas/{field.kind}"}
        return {"anyOf": [reference, {"type": "null"}]} if field.allow_none else reference
    return {}


class Tidy(BasePlugin):
    """Adds descriptions and bounds to schemas; sorts responses by status and unwraps docstrings."""

    def schema_helper(self, name: str, definition: Json, **kwargs: Any) -> Json | None:
        schema = kwargs.get("schema")
        if isinstance(schema, Schema):
            schema = type(schema)
        said = (schema.__doc__ or "").partition("\n")[0] if schema else ""
        bounds: Json = getattr(getattr(schema, "Meta", None), "bounds", {})
        return ({"description": said} if said else {}) | bounds

    def operation_helper(self, path: str | None = None, operations: Json | None = None, **_kwargs: Any) -> None:
        for operation in (operations or {}).values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"] = dict(sorted(operation["responses"].items(), key=lambda item: int(item[0])))
                operation["description"] = re.sub(r"(?<!\n)\n(?!\n)", " ", operation.get("description", ""))
