"""JSON from clients, the same for REST bodies and Socket.IO packets."""

import json
import re
from typing import Any

import orjson

BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class UnpairedSurrogates(dict[str, Any]):
    """An object with an unpaired surrogate in some of its `fields`: such text can't be stored, sent or logged."""

    fields: list[str]


def decode_json(raw: bytes | str) -> Any:
    """Decode JSON text (bytes are UTF-8); raises ValueError if it is malformed.

    An escaped unpaired surrogate (`\\ud800`) is well-formed JSON, though orjson refuses it: an object with one, or an
    array of such objects, is returned as `UnpairedSurrogates`, so that `load` can name the field.
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
