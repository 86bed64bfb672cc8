"""What follows from the definition of an API object."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields
from sqlalchemy import Engine, text

from chatapp.core.objects import Column, blank, build_object, columns_of, schema_of
from chatapp.core.schemas import Id


class Owner(TypedDict):
    """An owner."""

    id: Annotated[str, Column("o.id"), Id(), "The owner."]


class Pet(TypedDict):
    """A pet."""

    id: Annotated[str, Column("p.id", draft="uuid"), Id(), "The pet."]
    age: Annotated[int, Column("p.age"), "In years."]
    name: Annotated[str | None, Column("p.name", tombstone=None), "The name, or null."]
    owner: Annotated[Owner, Column(build_object(Owner)), "The owner."]
    tags: NotRequired[Annotated[list[str], fields.List(fields.String()), "Words."]]


class Both(TypedDict):
    """Fields of two tables."""

    mine: Annotated[str, Column("p.id"), "One."]
    theirs: Annotated[str, Column("o.id"), "Another."]


PetSchema = schema_of(Pet)


def test_schema_follows_the_types() -> None:
    described = PetSchema().fields
    assert PetSchema.__name__ == "PetSchema"
    assert PetSchema.__doc__ == "A pet."
    assert {name: (field.required, field.allow_none) for name, field in described.items()} == {
        "id": (True, False),
        "age": (True, False),
        "name": (True, True),
        "owner": (True, False),
        "tags": (False, False),
    }
    assert described["name"].metadata == {"description": "The name, or null.", "x-tombstone": None}
    assert isinstance(described["owner"], fields.Nested)


def test_blank_object_is_null_where_possible_and_has_no_optional_field() -> None:
    assert blank(Pet) == {"id": "", "age": 0, "name": None, "owner": {"id": ""}}


class Tag(TypedDict):
    """A tag."""

    id: Annotated[str, Column("t.id"), Id(), "The tag."]
    word: NotRequired[Annotated[str, Column("t.word"), "A word."]]
    count: NotRequired[Annotated[int, Column("t.count"), "How many."]]
    is_old: NotRequired[Annotated[bool, Column("t.is_old"), "Whether it is old."]]
    data: NotRequired[Annotated[dict[str, int], Column("t.data"), fields.Dict(), "Data."]]
    name: Annotated[str | None, Column("t.name"), "A name, or null."]


TAGS = """(VALUES (1, 'a', 2, true, CAST('{"x": 1}' AS jsonb), 'n'), (2, NULL, 0, false, NULL, NULL))
    t (id, word, count, is_old, data, name)"""


def test_optional_field_is_absent_while_it_is_null_zero_or_false(engine: Engine) -> None:
    with engine.connect() as db:
        objects = db.execute(text(f"SELECT {build_object(Tag)} FROM {TAGS} ORDER BY id")).scalars().all()
    assert objects == [
        {"id": "1", "word": "a", "count": 2, "is_old": True, "data": {"x": 1}, "name": "n"},
        {"id": "2", "name": None},
    ]


def test_sql_of_a_field_can_be_replaced_or_restricted_to_a_table() -> None:
    assert build_object(Owner) == "json_build_object('id', o.id)"
    assert build_object(Owner, id="$1") == "json_build_object('id', $1)"
    assert build_object(Both) == "json_build_object('mine', p.id, 'theirs', o.id)"
    assert build_object(Both, of="o") == "json_build_object('theirs', o.id)"


def test_a_draft_has_only_its_columns() -> None:
    assert [column.name for column in columns_of(Pet).values() if column.draft] == ["id"]


def test_a_shared_field_is_not_changed_by_a_definition() -> None:
    shared = Id()

    class One(TypedDict):
        """One."""

        id: Annotated[str | None, shared, "First."]

    class Other(TypedDict):
        """Another."""

        id: Annotated[str, shared, "Second."]

    first, second = schema_of(One)().fields["id"], schema_of(Other)().fields["id"]
    assert (first.allow_none, first.metadata["description"]) == (True, "First.")
    assert (second.allow_none, second.metadata["description"]) == (False, "Second.")
