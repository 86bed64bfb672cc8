"""Base classes and fields of all schemas.

An `Input` validates REST bodies and Socket.IO payloads and refuses unknown fields. An `Output` describes responses,
acks and events; queries build those objects directly in SQL, and tests check each of them against its schema
(`validate_response`), so that documents and responses are the same.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from chatapp.compat.marshmallow import load_directly
from chatapp.core.error_codes import CODES
from chatapp.core.errors import Invalid, Json, problem_type
from chatapp.core.json_input import UnpairedSurrogates

# A response does not grow with the number of unknown fields in a request.
MAX_INVALID_FIELDS = 50
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# For patterns in the documents: the ASCII control characters other than tab and newline. Only `\x` means the same in
# ECMA-262, PCRE, Python and Java. Some clients match UTF-8 bytes, where a range above 0x7F would split characters.
CONTROL = r"\x00-\x08\x0b-\x1f\x7f"
_FORBIDDEN = re.compile(rf"[{CONTROL}\x80-\x9f\ud800-\udfff]")
# Invisible characters: Unicode's default-ignorable characters (zero width, directions, fillers, variation selectors,
# tags), annotation anchors, and blanks that are no white space.
INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
_INVISIBLE_BEYOND_BMP = r"\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_VISIBLE = re.compile(rf"[^\s{INVISIBLE}{_INVISIBLE_BEYOND_BMP}]")
_ANY_TEXT = f"^[^{CONTROL}]*$"
_SOME_TEXT = rf"^[^{CONTROL}]*[^{CONTROL}\s][^{CONTROL}]*$"


class Input(Schema):
    """An object from a client; unknown fields are refused."""

    class Meta:
        unknown = RAISE


class Output(Schema):
    """An object from the server; every field is always present.

    `max_bytes` bounds the JSON of the whole object where the bounds of its fields are not enough.
    """

    max_bytes: ClassVar[int | None] = None

    class Meta:
        unknown = RAISE


class Text(fields.String):
    """User-visible text: NFC-normalised, CR LF and CR converted to newlines, without control characters other than
    newline and tab, and with a visible character unless it is empty.

    `min_length` and `max_length` count characters after trimming (`trim=False` keeps white space at the ends, and
    allows text without a visible character).
    """

    def __init__(self, min_length: int = 0, max_length: int | None = None, *, trim: bool = True, **kwargs: Any) -> None:
        self.trim = trim
        validators = [validate.Length(min=min_length or None, max=max_length), *kwargs.pop("validate", [])]
        metadata = {"pattern": _SOME_TEXT if min_length and trim else _ANY_TEXT} | kwargs.pop("metadata", {})
        super().__init__(validate=validators, metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        text = unicodedata.normalize("NFC", value)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if _FORBIDDEN.search(text):
            raise ValidationError("Contains a control character.")
        if not self.trim:
            return text
        text = text.strip()
        if text and not _VISIBLE.search(text):
            raise ValidationError("Contains no visible character.")
        return text


class Choice(fields.String):
    """An enumeration, documented under the name `kind`."""

    def __init__(self, kind: str, words: Sequence[str], **kwargs: Any) -> None:
        self.kind = kind
        super().__init__(validate=validate.OneOf(words), **kwargs)


class Id(fields.String):
    """A UUID, accepted in any case and stored in canonical form."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "uuid", "example": "01a209c0-dd89-7528-89ae-40572c1fa41a"}
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise ValidationError("Not a valid UUID.")
        return value.lower()


class Timestamp(fields.String):
    """A timestamp in RFC 3339 format, in UTC with milliseconds."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "date-time", "example": "2026-11-22T10:00:00.000Z"}
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
            raise ValidationError("Not a timestamp.")
        return value


class Whole(fields.Integer):
    """A non-negative integer that is a JSON integer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=kwargs.pop("validate", validate.Range(0)), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, (str, bool)):
            raise self.make_error("invalid")
        # JSON does not distinguish 1 and 1.0.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Digits(fields.Integer):
    """A non-negative integer in a query: digits only, unlike Python's int()."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch("[0-9]{1,20}", value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class Flag(fields.Boolean):
    """A JSON boolean."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class ProblemSchema(Output):
    """An error in the format of RFC 9457 (`application/problem+json`)."""

    # `errors` names fields that the client chose, from a payload of at most 64 KiB.
    max_bytes = 128 * 1024

    class Meta(Output.Meta):
        title = "Problem"

    type = fields.String(
        required=True,
        metadata={
            "description": "URI reference of the documentation of `code`.",
            "example": problem_type("validation_error"),
        },
    )
    title = fields.String(
        required=True, metadata={"description": "The HTTP status as text.", "example": "Unprocessable Entity"}
    )
    status = Whole(required=True, metadata={"description": "The HTTP status.", "example": 422})
    detail = fields.String(
        required=True,
        metadata={"description": "A sentence that explains the error.", "example": "A field is not valid."},
    )
    code = fields.String(
        required=True,
        metadata={
            "description": "The stable error code: one of the known codes, or one that a later version added. Clients must "
            "accept unknown codes and treat them by `status`.",
            "example": "validation_error",
            # Not `enum`: generated clients would reject codes of later versions.
            "x-extensible-enum": [*CODES],
        },
    )
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={
            "description": "The messages for each invalid field; at most the first 50 fields.",
            "example": {"content": ["Missing data."]},
        },
    )
    retryAfter = Whole(metadata={"description": "Seconds to wait before the next attempt; only with `rate_limited`."})


def absent() -> None:
    """Default for omitted parameters. Unlike `load_default=None` it does not make null a valid value."""


def load(schema: Schema, payload: object) -> Json:
    """Validate `payload`; returns the data with keys in snake_case. Raises Invalid with messages per field."""
    if not isinstance(payload, dict):
        raise Invalid("The payload must be an object.")
    if isinstance(payload, UnpairedSurrogates):
        message = "Contains half of a surrogate pair."
        raise Invalid("A field is not valid.", errors={field: [message] for field in payload.fields})
    loaded = load_directly(schema, payload)
    if loaded is not None:
        return loaded
    try:
        return schema.load(payload)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Invalid:
    """The error response for a validation error: each invalid field with its messages."""
    invalid_fields: Json = error.normalized_messages()  # type: ignore[no-untyped-call]
    first = islice(invalid_fields.items(), MAX_INVALID_FIELDS)
    return Invalid("A field is not valid.", errors={field: list(dict.fromkeys(_messages(f))) for field, f in first})


def _messages(message: object) -> Iterator[str]:
    """The messages of one field, which marshmallow nests for lists and mappings."""
    if isinstance(message, dict):
        for part in message.values():
            yield from _messages(part)
    elif isinstance(message, list):
        for part in message:
            yield from _messages(part)
    else:
        yield str(message)


def validate_response(schema: type[Schema], response: object, *, many: bool = False) -> None:
    """Raise AssertionError if a field of `response` is missing, unknown or of another type."""
    errors = _checker(schema).validate(response, many=many)  # type: ignore[arg-type]
    if errors:
        raise AssertionError(f"The response does not match {schema.__name__}: {errors}")


@cache
def _checker(schema: type[Schema]) -> Schema:
    return schema()
