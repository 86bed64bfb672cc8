"""The fast loading of payloads and marshmallow give the same result for every schema of an event or a body."""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

import chatapp.app  # noqa: F401  # Imports the schemas of all features.
from chatapp.core.errors import Invalid
from chatapp.core.examples import example
from chatapp.core.json_input import decode_json
from chatapp.core.schemas import Choice, Id, Input, Text, Whole, loader_of
from chatapp.features.avatars.schemas import AvatarForm
from chatapp.features.messages.schemas import SendFileSchema
from tests.fuzz.packets import STRANGE, VALUES, nearly

# Text on both sides of every rule: what is trimmed, normalised, invisible or forbidden, and each length.
TEXT = st.text(
    st.sampled_from("aA9 \t\n\r\x00\x1b\x7f\x85\u00a0\u00ad\u0301\u200b\u2028\u202e\u3164é漢😀\ud800"), max_size=6
)
FORMS = {AvatarForm, SendFileSchema}
LENGTHS = (0, 1, 2, 50, 100, 255, 2048, 4000)
LONG = st.builds(lambda char, length: char * length, st.sampled_from("aé😀 \u0301"), st.sampled_from(LENGTHS))
NUMBERS = st.sampled_from([0, 1, -1, 1.0, 1.5, 2**53, 2**63 - 1, 2**63, 1e300, True, "1", "01"])
VALUE = st.one_of(TEXT, LONG, LONG.map(lambda text: text + "a"), NUMBERS, STRANGE, VALUES)


def inputs(of: type[Schema] = Input) -> list[type[Schema]]:
    """All schemas of bodies and payloads. The values of a form are not JSON."""
    found = chain.from_iterable([schema, *inputs(schema)] for schema in of.__subclasses__())
    ours = {schema for schema in found if schema.__module__.startswith("chatapp.") and schema not in FORMS}
    return sorted(ours, key=lambda schema: schema.__name__)


def result(load: Any, payload: Any) -> Any:
    """The result of loading a payload; None for an invalid one."""
    try:
        return load(payload)
    except (ValidationError, Invalid):
        return None


@cache
def payloads(schema: type[Schema]) -> st.SearchStrategy[Any]:
    """Payloads like the example of a schema. A new strategy for each payload would take longer than its test."""
    valid = example(schema())
    own = st.fixed_dictionaries({}, optional={key: st.just(value) | VALUE for key, value in valid.items()})
    return own | nearly(valid)


@cache
def values(count: int) -> list[Any]:
    """The same values for all schemas and fields: to generate a value takes much longer than to load it."""
    found: list[Any] = []

    @settings(max_examples=count, deadline=None)
    @given(VALUE)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return list({repr(value): value for value in found}.values())


def parts(valid: Any) -> Iterator[tuple[Any, Any]]:
    """The keys and values of an object, or the indices and values of an array."""
    yield from valid.items() if isinstance(valid, dict) else enumerate(valid) if isinstance(valid, list) else ()


def replaced(valid: Any, key: Any, part: Any) -> Any:
    """A copy of an example with another part."""
    changed = valid.copy()
    changed[key] = part
    return changed


def variants(valid: Any, value: Any) -> Iterator[Any]:
    """Copies of an example with one part, at any depth, replaced by `value`, or with a field too many."""
    if isinstance(valid, dict):
        yield valid | {"unknown": value}
    for key, part in parts(valid):
        for other in (value, *variants(part, value)):
            yield replaced(valid, key, other)


def incomplete(valid: Any) -> Iterator[Any]:
    """Copies of an example with one field, at any depth, missing."""
    if isinstance(valid, dict):
        for key in valid:
            yield {name: part for name, part in valid.items() if name != key}
    for key, part in parts(valid):
        for other in incomplete(part):
            yield replaced(valid, key, other)


def check_loading(schema: Schema, payload: Any) -> None:
    """Both ways to load give the same result."""
    loaded = result(schema.load, payload)
    assert loader_of(schema)._load(payload) == loaded, payload
    assert result(loader_of(schema), payload) == loaded, payload


@pytest.mark.parametrize("schema", inputs(), ids=lambda schema: schema.__name__)
def test_fast_loading_gives_the_result_of_marshmallow_for_each_field(schema: type[Schema]) -> None:
    instance = schema()
    valid = example(instance)
    for payload in incomplete(valid):
        check_loading(instance, payload)
    for payload in chain.from_iterable(variants(valid, value) for value in values(100)):
        # Without the explanation of what is invalid, which is marshmallow's own and takes as long again.
        assert loader_of(instance)._load(payload) == result(instance.load, payload), payload


@pytest.mark.parametrize("schema", inputs(), ids=lambda schema: schema.__name__)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_fast_loading_gives_the_result_of_marshmallow_for_all_fields(schema: type[Schema], data: st.DataObject) -> None:
    check_loading(schema(), data.draw(payloads(schema)))


@pytest.mark.parametrize(
    "field", [Id(), Text(), Text(1, 3), Text(max_length=2, trim=False), Choice("Kind", ["A", "B"]), Whole()], ids=repr
)
def test_fast_fields_give_the_result_of_marshmallow(field: fields.Field[Any]) -> None:
    instance = Input.from_dict({"field": field})()
    for value in (*values(300), "A", "B", "a", ["A"], "01A209C0-dd89-7528-89ae-40572c1fa41a"):
        payload = {"field": value}
        assert loader_of(instance)._load(payload) == result(instance.load, payload), payload


@given(VALUES)
def test_only_objects_without_unpaired_surrogates_are_loaded(value: Any) -> None:
    instance = Input.from_dict({"field": Text()})()
    if not isinstance(value, dict):
        assert result(loader_of(instance), value) is None
    marked = decode_json('{"field": "\\ud800"}')
    with pytest.raises(Invalid) as refused:
        loader_of(instance)(marked)
    assert refused.value.errors == {"field": ["Contains half of a surrogate pair."]}
