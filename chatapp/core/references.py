"""Ids of users and chats in requests of servers: a UUID, or `ext:` and the id that the object has in your app."""

import unicodedata
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields

from chatapp.core.errors import Invalid, Json, NotFound
from chatapp.core.json_input import CONTROL, UUID, as_id

PREFIX = "ext:"
MAX_EXTERNAL_ID = 128
# What patterns that all languages interpret alike can say of a character of an external id.
_CHARACTER = f"[^{CONTROL}\\s\\x2f\\x5c]"
# The schema of a reference in a path.
PATH_SCHEMA: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": len(PREFIX) + MAX_EXTERNAL_ID,
    "pattern": f"^({PREFIX})?{_CHARACTER}{{1,{MAX_EXTERNAL_ID}}}$",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """Either `id`, a UUID in canonical form, or `external_id`."""

    id: str | None = None
    external_id: str | None = None

    def __str__(self) -> str:
        return self.id or f"{PREFIX}{self.external_id}"


def as_external_id(value: object) -> str:
    """The normalised (NFC) external id; raises ValidationError."""
    if not isinstance(value, str):
        raise ValidationError("Not a valid string.")
    text = unicodedata.normalize("NFC", value)
    is_visible = all(unicodedata.category(each)[0] not in "CZ" for each in text)
    if not 0 < len(text) <= MAX_EXTERNAL_ID or not is_visible:
        raise ValidationError(f"Must be 1–{MAX_EXTERNAL_ID} visible characters.")
    if "/" in text or "\\" in text or text.startswith(PREFIX) or text in (".", ".."):
        raise ValidationError(r"Must not contain / or \, begin with ext:, or be . or .. .")
    return text


def as_reference(value: object) -> Reference:
    """The object that a UUID or `ext:<externalId>` names; raises ValidationError."""
    if isinstance(value, str) and value.startswith(PREFIX):
        return Reference(external_id=as_external_id(value.removeprefix(PREFIX)))
    return Reference(id=as_id(value))


def reference_in_path(value: str) -> Reference:
    """The object that a part of a path names; raises NotFound for a text that can name none."""
    try:
        return as_reference(value)
    except ValidationError:
        raise NotFound("Not found: a UUID, or ext: and an external id, is expected.") from None


def external_id_in_path(value: str, name: str) -> str:
    """The external id, with or without `ext:`, of an object that a request creates or replaces; raises Invalid.

    `name` is that of the parameter.
    """
    try:
        return as_external_id(value.removeprefix(PREFIX))
    except ValidationError as error:
        raise Invalid("The external id is not valid.", errors={name: error.messages}) from None


class ExternalIdField(fields.String):
    """An external id in a request."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "description": "The id of the object in your app: 1–128 visible characters, without `/` and `\\`, not "
            "beginning with `ext:`, case-sensitive. Do not use email addresses.",
            "minLength": 1,
            "maxLength": MAX_EXTERNAL_ID,
            "pattern": f"^{_CHARACTER}+$",
            "example": "4711",
        }
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return as_external_id(value)


class ReferenceField(fields.String):
    """A UUID or `ext:<externalId>` in a request; the loaded value is a `Reference`."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "description": "A UUID, or `ext:` and the external id.",
            "maxLength": MAX_EXTERNAL_ID + len(PREFIX),
            "pattern": f"^({UUID}|{PREFIX}{_CHARACTER}+)$",
            "example": "ext:4711",
        }
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return as_reference(value)
