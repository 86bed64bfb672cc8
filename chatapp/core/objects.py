"""One definition of each API object: a TypedDict whose fields say how they are read from the database and documented.

    class Message(TypedDict):
        '''A message.'''

        content: Annotated[str | None, Column("m.content"), fields.String(…), "The text; null after deletion."]

From it follow the static type, the schema of the documents (`schema_of`), the SQL that builds the object
(`build_object`, `encode_object`) and a new object (`blank`): a field is added in one place. `Annotated` has the column
(only in objects that SQL builds), the schema's field (only where the type is not enough) and the description, each optional.
A `NotRequired` field is absent while its value is null, false, 0 or empty.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final, NotRequired, TypeAlias, get_args, get_origin, get_type_hints, is_typeddict

import orjson
from marshmallow import fields

from chatapp.core.schemas import Choice, Id, Output, Timestamp, Whole

# What transports encode: a TypedDict, of any definition.
ApiObject: TypeAlias = Mapping[str, object]
# The class of a TypedDict, for which mypy has no type.
Definition: TypeAlias = Any
_KINDS: dict[type, type[fields.Field[Any]]] = {str: fields.String, int: Whole, bool: fields.Boolean}


# From so many fields on, a test of all at once costs less than one of each.
MIN_SKIPPED = 3
# The default of `Column.tombstone`: a deletion does not change the field.
KEPT: Final = object()


class EncodedObject(dict[str, object]):
    """An API object that is sent more than once, with its JSON."""

    __slots__ = ("json",)

    def __init__(self, fields: ApiObject) -> None:
        super().__init__(fields)
        self.json = orjson.dumps(fields)


@dataclass(frozen=True, slots=True)
class Column:
    """The SQL expression of a field.

    `draft` is the type of a plain column that a draft of the object sets. `tombstone` is the value of the field after
    the object was deleted; clients learn it from `x-tombstone` in the documents. An optional field is absent while all of
    its `sources`, columns of the table, are null: by default a plain column itself. `keeps_zero` means that an optional
    number is present when it is 0.
    """

    sql: str
    draft: str | None = None
    tombstone: object = KEPT
    sources: tuple[str, ...] = ()
    keeps_zero: bool = False

    def __post_init__(self) -> None:
        if not self.sources and re.fullmatch(r"\w+\.\w+", self.sql):
            object.__setattr__(self, "sources", (self.sql,))

    @property
    def name(self) -> str:
        """The name of a plain column, without the alias of its table."""
        return self.sql.partition(".")[2]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: Any
    is_required: bool
    is_nullable: bool
    notes: tuple[object, ...]

    def note(self, kind: type[Any]) -> Any:
        """The annotation of this kind, or None."""
        return next((note for note in self.notes if isinstance(note, kind)), None)


@cache
def schema_of(definition: Definition, **attributes: object) -> type[Output]:
    """The schema of a definition, with its name and docstring; `attributes` are those of `Output`."""
    declared = {each.name: _schema_field(each) for each in _fields(definition)}
    about = {"__doc__": definition.__doc__, "__module__": definition.__module__}
    return type(f"{definition.__name__}Schema", (Output,), declared | about | attributes)


def _schema_field(each: _Field) -> fields.Field[Any]:
    field: fields.Field[Any] | None = copy.copy(each.note(fields.Field))
    if field is None:
        field = fields.Nested(schema_of(each.type)) if is_typeddict(each.type) else _KINDS[each.type]()
    field.required, field.allow_none = each.is_required, each.is_nullable
    if description := each.note(str):
        field.metadata = {**field.metadata, "description": description}
    column: Column | None = each.note(Column)
    if column and column.tombstone is not KEPT:
        field.metadata = {**field.metadata, "x-tombstone": column.tombstone}
    return field


def build_object(definition: Definition, *, of: str = "", **expressions: str) -> str:
    """The SQL that builds an object; `expressions` replace those of columns.

    `of` restricts it to the columns that are read from the table with this alias.
    """
    if not of and not all(each.is_required for each in _fields(definition)):
        return f"CAST({encode_object(definition, **expressions)} AS json)"
    columns = {each.name: expressions.get(each.name) or each.note(Column).sql for each in _fields(definition)}
    arguments = [f"'{name}', {sql}" for name, sql in columns.items() if not of or f"{of}." in sql]
    return f"json_build_object({', '.join(arguments)})"


def encode_object(definition: Definition, **expressions: str) -> str:
    """The SQL that builds the JSON text of an object; `expressions` replace those of columns.

    For lists: json_build_object looks up the type of each argument in each row, `concat` once per statement.
    """
    return _encode(_fields(definition), expressions)


def encode_tombstone(definition: Definition, **expressions: str) -> str:
    """The SQL that builds the JSON text of an object as if it was deleted; `expressions` replace those of columns."""
    kept: list[_Field] = []
    values = dict(expressions)
    for each in _fields(definition):
        tombstone = each.note(Column).tombstone
        if tombstone is KEPT or each.is_required:
            kept.append(each)
        if tombstone is not KEPT and each.is_required:
            values[each.name] = "CAST(NULL AS text)" if tombstone is None else str(tombstone).lower()
    return _encode(kept, values)


def _encode(declared: Iterable[_Field], expressions: Mapping[str, str]) -> str:
    parts: list[str] = []
    literal = "{"
    # The first field is a required one.
    for can_skip, group in groupby(declared, _can_skip):
        encoded: list[str] = []
        sources: list[str] = []
        for each in group:
            column: Column = each.note(Column)
            sql = expressions.get(each.name) or column.sql
            if each.is_required:
                before, sql, after = _encoded(each, sql)
                parts += [f"'{literal}\"{each.name}\":{before}'", sql]
                literal = f"{after},"
            else:
                encoded.append(_encoded_if_set(each, sql))
                sources += column.sources
        if encoded:
            parts += [f"'{literal.removesuffix(',')}'", *_skipped(encoded, sources if can_skip else ())]
            literal = ","
    return f"concat({', '.join(parts)}, '{literal.removesuffix(',')}}}')"


def _can_skip(each: _Field) -> bool:
    """True for an optional field that is absent while its sources are null."""
    return not each.is_required and each.type is not bool and bool(each.note(Column).sources)


def _skipped(encoded: list[str], sources: Sequence[str]) -> list[str]:
    """The SQL of optional fields, which is not computed while all their `sources` are null: most objects have none."""
    if len(encoded) < MIN_SKIPPED or not sources:
        return encoded
    return [f"CASE WHEN num_nonnulls({', '.join(dict.fromkeys(sources))}) > 0 THEN concat({', '.join(encoded)}) END"]


def _encoded_if_set(each: _Field, sql: str) -> str:
    """The SQL of an optional field with its name, null if the field is absent; `concat` skips null."""
    if each.type is bool:
        # Apart: `:true` would be a parameter.
        return f"CASE WHEN {sql} THEN ',\"{each.name}\":' || 'true' END"
    if each.type is int and not each.note(Column).keeps_zero:
        sql = f"nullif({sql}, 0)"
    elif each.type is str:
        sql = f"to_json({sql})"
    return f"',\"{each.name}\":' || CAST({sql} AS text)"


def _encoded(each: _Field, sql: str) -> tuple[str, str, str]:
    """The SQL of a field's JSON, and what precedes and follows it."""
    if each.type is bool:
        return "", f"CASE WHEN {sql} THEN 'true' ELSE 'false' END", ""
    if is_typeddict(each.type):
        sql = encode_object(each.type) if sql == build_object(each.type) else sql
    elif each.type is str:
        # Text of these needs no escaping.
        if not isinstance(each.note(fields.Field), (Id, Timestamp, Choice)):
            sql = f"to_json({sql})"
        elif each.is_nullable:
            sql = f"'\"' || ({sql}) || '\"'"
        else:
            return '"', sql, '"'
    return "", f"coalesce(CAST({sql} AS text), 'null')" if each.is_nullable else sql, ""


def columns_of(definition: Definition) -> dict[str, Column]:
    """The column of each field that has one."""
    columns = {each.name: each.note(Column) for each in _fields(definition)}
    return {name: column for name, column in columns.items() if column}


def blank(definition: Definition) -> dict[str, Any]:
    """An object without content: null where the definition allows it, otherwise the zero of the type."""
    return {each.name: _zero(each) for each in _fields(definition) if each.is_required}


def _zero(each: _Field) -> object:
    if each.is_nullable:
        return None
    return blank(each.type) if is_typeddict(each.type) else each.type()


def _fields(definition: Definition) -> Iterator[_Field]:
    for name, hint in get_type_hints(definition, include_extras=True).items():
        is_required = get_origin(hint) is not NotRequired
        annotated = hint if is_required else get_args(hint)[0]
        kinds = [kind for kind in get_args(annotated.__origin__) if kind is not type(None)]
        is_nullable = type(None) in get_args(annotated.__origin__)
        kind = kinds[0] if is_nullable else annotated.__origin__
        yield _Field(name, kind, is_required, is_nullable, annotated.__metadata__)
