"""Examples for the documents, built from the metadata of schema fields so that they stay in step."""

import re
from http import HTTPStatus
from typing import Any

from marshmallow import Schema, fields, validate

from chatapp.core.errors import Json, problem_type

_CODE = re.compile(r"`([a-z]+(?:_[a-z]+)*)`")


def example(schema: Schema) -> Json:
    """An example object of `schema`; optional fields without an example are omitted."""
    return {
        field.data_key or name: _value(field)
        for name, field in schema.fields.items()
        if field.required or "example" in field.metadata
    }


def _value(field: fields.Field[Any]) -> Any:
    if "example" in field.metadata:
        return field.metadata["example"]
    if isinstance(field, fields.Nested):
        return example(field.schema)
    if field.allow_none:
        return None
    if isinstance(field, fields.List):
        return [_value(field.inner)]
    if isinstance(field, fields.Dict) and field.key_field and field.value_field:
        return {_value(field.key_field): _value(field.value_field)}
    for validator in field.validators:
        if isinstance(validator, validate.OneOf):
            return next(iter(validator.choices))
    if isinstance(field, fields.Boolean):
        return False
    if isinstance(field, fields.Integer):
        return 1
    raise LookupError(f"The field {field.name} needs an example in its metadata.")


def problems(status: int, description: str, field: str) -> dict[str, Json]:
    """An example of each problem in `description`, which names codes in backticks, each in its sentence.

    `field` is a field that a `validation_error` can name.
    """
    found: dict[str, Json] = {}
    for sentence in re.split(r"(?<=[.])\s", description):
        detail = re.sub(r"\s\(`.*?`\)", "", sentence)
        for code in _CODE.findall(sentence):
            problem = {
                "type": problem_type(code),
                "title": HTTPStatus(status).phrase,
                "status": status,
                "detail": detail,
                "code": code,
            }
            if code == "validation_error":
                problem["errors"] = {field: ["Not valid."]}
            found[code] = {"value": problem}
    return found
