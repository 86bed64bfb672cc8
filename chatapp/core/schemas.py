"""Base classes and fields of all schemas.

An `Input` validates REST bodies and Socket.IO payloads and refuses unknown fields. An `Output` describes responses,
acks and events and is made from the definition of the object (see `objects.py`). Queries build these objects in SQL, and
tests check each of them against its schema (`validate_response`), so that documents and responses are the same.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any, ClassVar

import orjson
from marshmallow import RAISE, Schema, ValidationError, fields, missing, validate

from chatapp.compat.marshmallow import checks_of, conversion_of
from chatapp.core.errors import Invalid, Json
from chatapp.core.json_input import (
    Convert,
    LoadedField,
    Loader,
    as_id,
    as_text,
    one_of,
    text_between,
)

# A response does not grow with the number of unknown fields in a request.
MAX_INVALID_FIELDS = 50
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile("[0-9]{1,9}[smhd]")
# orjson writes no larger integers, and reads them as floating-point numbers.
MAX_INTEGER_BITS = 63
# What PostgreSQL's JSON can't contain.
_NOT_STORABLE = re.compile(r"[\0\ud800-\udfff]")
# For patterns, as `json_input.CONTROL`, without the carriage return: in texts it becomes a newline.
_NOT_IN_TEXT = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_ANY_TEXT = f"^[^{_NOT_IN_TEXT}]*$"
_SOME_TEXT = rf"^[^{_NOT_IN_TEXT}]*[^{_NOT_IN_TEXT}\s][^{_NOT_IN_TEXT}]*$"


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
        self.min_length, self.max_length, self.trim = min_length, max_length, trim
        validators = [validate.Length(min=min_length or None, max=max_length), *kwargs.pop("validate", [])]
        metadata = {"pattern": _SOME_TEXT if min_length and trim else _ANY_TEXT} | kwargs.pop("metadata", {})
        super().__init__(validate=validators, metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return as_text(value, trim=self.trim)


class Choice(fields.String):
    """An enumeration, documented under the name `kind`."""

    def __init__(self, kind: str, words: Sequence[str], **kwargs: Any) -> None:
        self.kind, self.words = kind, words
        super().__init__(validate=validate.OneOf(words), **kwargs)


class Id(fields.String):
    """A UUID, accepted in any case and stored in canonical form."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "uuid", "example": "01a209c0-dd89-7528-89ae-40572c1fa41a"}
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return as_id(value)


class Timestamp(fields.String):
    """A timestamp in RFC 3339 format, in UTC with milliseconds."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "date-time", "example": "2026-11-22T10:00:00.000Z"}
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
            raise ValidationError("Not a timestamp.")
        return value


class Instant(fields.Field[datetime]):
    """A time in a request, in RFC 3339 format with any offset."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": "string", "format": "date-time", "maxLength": 40, "example": "2027-01-31T00:00:00.000Z"}
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            if not isinstance(value, str) or not _INSTANT.fullmatch(value):
                raise ValueError
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("Not a time in RFC 3339 format.") from None


class Duration(fields.Field[timedelta]):
    """A duration such as `24h`, between two bounds in the same notation."""

    def __init__(self, shortest: str, longest: str, **kwargs: Any) -> None:
        self.shortest, self.longest = shortest, longest
        metadata = {
            "type": "string",
            "pattern": f"^{_DURATION.pattern}$",
            "maxLength": 10,
            "description": f"A duration from `{shortest}` to `{longest}`, in seconds, minutes, hours or days.",
            "example": longest,
        }
        super().__init__(metadata=metadata | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:
        if not isinstance(value, str) or not _DURATION.fullmatch(value):
            raise ValidationError("Not a duration such as 24h.")
        if not _seconds(self.shortest) <= _seconds(value) <= _seconds(self.longest):
            raise ValidationError(f"Must be from {self.shortest} to {self.longest}.")
        return timedelta(seconds=_seconds(value))


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]]


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


class QueryFlag(fields.Boolean):
    """A boolean in a query: `true` or `false`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in ("true", "false"):
            raise self.make_error("invalid", input=value)
        return bool(value == "true")


class Data(fields.Dict):
    """An object of any content that an app keeps with one of ours; `{}` and null clear it."""

    def __init__(self, max_bytes: int, *, max_depth: int = 5, max_key: int = 64, **kwargs: Any) -> None:
        self.max_bytes, self.max_depth, self.max_key = max_bytes, max_depth, max_key
        metadata = {
            "description": f"Data of your app: an object of up to {max_bytes:,} bytes as compact JSON, with up to "
            f"{max_depth} levels and keys of up to {max_key} characters. Replaced as a whole; null clears it.",
            "x-max-bytes": max_bytes,
            "example": {"team": 7},
        }
        super().__init__(
            keys=fields.String(), allow_none=True, metadata=metadata | kwargs.pop("metadata", {}), **kwargs
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise self.make_error("invalid")
        self._check_size(value)
        return value or None

    def _check_size(self, value: object) -> None:
        more_digits = self._check(value, 1)
        if len(orjson.dumps(value)) + more_digits > self.max_bytes:
            raise ValidationError(f"Must not exceed {self.max_bytes:,} bytes as JSON.")

    def _check(self, value: object, depth: int) -> int:
        """Check a part of the object; returns how many bytes more than here its numbers have in the database."""
        if isinstance(value, str):
            if _NOT_STORABLE.search(value):
                raise ValidationError("Contains a control character.")
        elif isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
            raise ValidationError("Contains a number that is too large.")
        elif isinstance(value, float):
            # PostgreSQL writes numbers without exponents.
            return max(0, len(f"{Decimal(repr(value)):f}") - len(repr(value)))
        elif isinstance(value, (dict, list)):
            if depth > self.max_depth:
                raise ValidationError(f"Must not have more than {self.max_depth} levels.")
            if isinstance(value, dict):
                for key in value:
                    if len(key) > self.max_key:
                        raise ValidationError(f"Keys must not have more than {self.max_key} characters.")
                    self._check(key, depth)
            parts = value.values() if isinstance(value, dict) else value
            return sum(self._check(part, depth + 1) for part in parts)
        return 0


class AnyData(Data):
    """Any JSON value of an app, within the bounds of `Data`."""

    def __init__(self, max_bytes: int, **kwargs: Any) -> None:
        super().__init__(max_bytes, **kwargs)
        # Null is added where it is allowed.
        kinds = ["object", "array", "string", "number", "boolean"]
        description = f"Any JSON of your app of up to {max_bytes:,} bytes, with up to {self.max_depth} levels."
        self.metadata = {"type": kinds, "items": {}, "description": description, "x-max-bytes": max_bytes}
        self.metadata["example"] = {"x": 7}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        self._check_size(value)
        return value


class JsonText(fields.Field[Any]):
    """A value of a form as JSON, of up to `max_length` characters; `inner` validates what it contains."""

    def __init__(self, inner: fields.Field[Any], max_length: int) -> None:
        self.inner, self.max_length = inner, max_length
        metadata = {"type": "string", "maxLength": max_length, "contentMediaType": "application/json"}
        super().__init__(metadata=metadata | {"description": f"As JSON. {inner.metadata['description']}"})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("Not text.")
        if len(value) > self.max_length:
            raise ValidationError(f"Longer than {self.max_length:,} characters.")
        try:
            decoded = orjson.loads(value)
        except ValueError:
            raise ValidationError("Not valid JSON.") from None
        return self.inner.deserialize(decoded, attr, data, **kwargs)


def absent() -> None:
    """Default for omitted parameters. Unlike `load_default=None` it does not make null a valid value."""


def load(schema: Schema, payload: object) -> Json:
    """Validate `payload`; returns the data with keys in snake_case. Raises Invalid with messages per field.

    Keeps what it derives from the schema, which has to be one of a declaration, not of a request.
    """
    return loader_of(schema)(payload)


@cache
def loader_of(schema: Schema) -> Loader:
    """What `load` does for a schema, as a function of the payload."""

    def explain(payload: Json) -> Json:
        try:
            return schema.load(payload)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise invalid(error) from None

    known = {field.data_key or name: (field.attribute or name, field) for name, field in schema.load_fields.items()}
    loaded = {
        key: LoadedField(name, _convert_by(field), bool(field.allow_none)) for key, (name, field) in known.items()
    }
    required = [key for key, (_, field) in known.items() if field.required]
    defaults = {name: field.load_default for name, field in known.values() if field.load_default is not missing}
    return Loader(loaded, required, defaults, checks_of(schema), explain)


def _convert_by(field: fields.Field[Any]) -> Convert:
    """A function that converts and validates a value as the field does."""
    if type(field) is Id and not field.validators:
        return as_id
    if type(field) is Choice and len(field.validators) == 1:
        return one_of(frozenset(field.words))
    if type(field) is Text and len(field.validators) == 1:
        return text_between(field.min_length, field.max_length, trim=field.trim)
    return conversion_of(field)


def invalid(error: ValidationError) -> Invalid:
    """The error response for a validation error: each invalid field with its messages."""
    invalid_fields: Json = error.normalized_messages()  # type: ignore[no-untyped-call]
    first = islice(_by_path(invalid_fields), MAX_INVALID_FIELDS)
    return Invalid("A field is not valid.", errors={field: list(dict.fromkeys(_messages(f))) for field, f in first})


def _by_path(messages: Json) -> Iterator[tuple[str, object]]:
    """Each invalid field with its messages; one of an object in a list as `users.3.avatar`."""
    for field, message in messages.items():
        items = message if isinstance(message, dict) else {}
        if items and all(isinstance(item, dict) for item in items.values()):
            for place, item in items.items():
                for name, part in item.items():
                    yield (f"{field}.{place}" if name == "_schema" else f"{field}.{place}.{name}"), part
        else:
            yield field, message


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
