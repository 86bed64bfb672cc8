"""JSON from clients, decoded and validated: the same for REST bodies and Socket.IO packets.

A `Loader` validates a payload at a third of the cost of marshmallow, which explains invalid ones. It is made from a
schema (`schemas.loader_of`), and both convert a value by the same function, so that there is one definition.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from marshmallow import ValidationError

from chatapp.core.errors import Invalid, Json

BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID = re.compile(UUID)
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
# Converts a value, or raises ValidationError.
Convert: TypeAlias = Callable[[Any], Any]


class UnpairedSurrogates(dict[str, Any]):
    """An object with an unpaired surrogate in some of its `fields`: such text can't be stored, sent or logged."""

    fields: list[str]


def decode_json(raw: bytes | str) -> Any:
    """Decode JSON text (bytes are UTF-8); raises ValueError if it is malformed.

    An escaped unpaired surrogate (`\\ud800`) is well-formed JSON, though orjson refuses it: an object with one, or an
    array of such objects, is returned as `UnpairedSurrogates`, so that a `Loader` can name the field.
    """
    try:
        return orjson.loads(raw)
    except ValueError:
        text = raw if isinstance(raw, str) else raw.decode()
        if not _SURROGATE.search(text):
            raise
        try:
            value = json.loads(text, parse_constant=_reject)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not _has_unpaired(value):
            raise
        return [_marked(item) for item in value] if isinstance(value, list) else _marked(value)


def _marked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    marked = UnpairedSurrogates(value)
    marked.fields = [_printable(name) for name, part in value.items() if _has_unpaired({name: part})]
    return marked if marked.fields else value


def _has_unpaired(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return True
    return False


def _printable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def as_id(value: object) -> str:
    """A UUID in its canonical form."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValidationError("Not a valid UUID.")
    return value.lower()


def as_text(value: str, *, trim: bool) -> str:
    """Text in Unicode's form NFC, with newlines only as line ends. Raises ValidationError for control characters, and
    with `trim`, which removes white space at the ends, for text of invisible characters only."""
    if value.isascii() and value.isprintable():
        return value.strip() if trim else value
    text = unicodedata.normalize("NFC", value)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _FORBIDDEN.search(text):
        raise ValidationError("Contains a control character.")
    if not trim:
        return text
    text = text.strip()
    if text and not _VISIBLE.search(text):
        raise ValidationError("Contains no visible character.")
    return text


def text_between(shortest: int, longest: int | None, *, trim: bool) -> Convert:
    """Converts text of so many characters."""

    def convert(value: object) -> str:
        if not isinstance(value, str):
            raise ValidationError("Not text.")
        text = as_text(value, trim=trim)
        if len(text) < shortest or (longest is not None and len(text) > longest):
            raise ValidationError("Too short or too long.")
        return text

    return convert


def one_of(choices: frozenset[str]) -> Convert:
    """Converts one of these words."""

    def convert(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValidationError("None of the choices.")
        return value

    return convert


@dataclass(frozen=True, slots=True)
class LoadedField:
    """A field of a payload: its name in the result, how its value is converted, and whether null is a valid value."""

    name: str
    convert: Convert
    allow_none: bool


class Loader:
    """Validates payloads by the fields of one schema, which has these JSON keys.

    `defaults` are the values of absent fields, or functions that make them. `checks` validate the result as a whole.
    `explain` loads a payload that is not valid, and raises Invalid with messages per field.
    """

    def __init__(
        self,
        fields: Mapping[str, LoadedField],
        required: Sequence[str],
        defaults: Mapping[str, Any],
        checks: Sequence[Callable[[Json], None]],
        explain: Callable[[Json], Json],
    ) -> None:
        self._fields = fields
        self._required = required
        self._defaults = {name: value for name, value in defaults.items() if not callable(value)}
        self._made = [(name, make) for name, make in defaults.items() if callable(make)]
        self._checks = checks
        self._explain = explain

    def __call__(self, payload: object) -> Json:
        """The validated data, with keys in snake_case. Raises Invalid."""
        if not isinstance(payload, dict):
            raise Invalid("The payload must be an object.")
        if isinstance(payload, UnpairedSurrogates):
            message = "Contains half of a surrogate pair."
            raise Invalid("A field is not valid.", errors={field: [message] for field in payload.fields})
        loaded = self._load(payload)
        return self._explain(payload) if loaded is None else loaded

    def _load(self, payload: Json) -> Json | None:
        """The validated data; None for an invalid payload."""
        loaded = self._defaults.copy()
        for name, make in self._made:
            loaded[name] = make()
        for key in self._required:
            if key not in payload:
                return None
        try:
            for key, value in payload.items():
                field = self._fields.get(key)
                if field is None or (value is None and not field.allow_none):
                    return None
                loaded[field.name] = None if value is None else field.convert(value)
            for check in self._checks:
                check(loaded)
        except ValidationError:
            return None
        return loaded
