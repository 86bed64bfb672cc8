"""Every ack and event is smaller than the backlog bound of a socket, by the bounds in its schema; so an event without a
bound fails here."""

from collections.abc import Iterable
from typing import Any

import pytest
from marshmallow import Schema, fields, validate

from chatapp.app import CLIENT_EVENTS, SERVER_EVENTS
from chatapp.core.pagination import MAX_KEY
from chatapp.core.problem import ProblemSchema
from chatapp.core.schemas import Id, Output, Timestamp
from chatapp.representations.user import ShownAvatar
from chatapp.server.websocket import MAX_BACKLOG
from chatapp.sockets.client_events import RenewedSchema

# UTF-8 takes up to four bytes for a character; those that JSON escapes take two.
CHARACTER = 4
ID = len('"01a209c0-dd89-7528-89ae-40572c1fa41a"')
TIMESTAMP = len('"2026-11-22T10:00:00.000Z"')
WHOLE = len(str(MAX_KEY))
# PostgreSQL writes spaces around colons and after commas.
SEPARATOR = len(" : , ")
ENVELOPE = 200


def largest(schema: type[Schema] | Schema, path: str = "") -> int:
    """The size in bytes of the largest object that a schema allows."""
    shape = schema() if isinstance(schema, type) else schema
    if isinstance(shape, Output) and shape.max_bytes:
        return shape.max_bytes
    return 2 + sum(
        len(name) + 2 + SEPARATOR + _max_value(field, f"{path}.{name}") for name, field in shape.fields.items()
    )


def _max_value(field: fields.Field[Any], path: str) -> int:
    if "x-max-bytes" in field.metadata:
        return int(field.metadata["x-max-bytes"])
    if isinstance(field, ShownAvatar):
        # A URL of ASCII characters.
        return 2 + _limit(field.validators, path)
    if isinstance(field, fields.Nested):
        return largest(field.schema, path)
    if isinstance(field, fields.List):
        return 2 + _limit(field.validators, path) * (_max_value(field.inner, path) + SEPARATOR)
    if isinstance(field, Id):
        return ID
    if isinstance(field, Timestamp):
        return TIMESTAMP
    if isinstance(field, fields.Integer):
        return WHOLE
    if isinstance(field, fields.Boolean):
        return len("false")
    choices = [choice for v in field.validators if isinstance(v, validate.OneOf) for choice in v.choices]
    if choices:
        return 2 + max(map(len, choices))
    assert isinstance(field, fields.String), f"{path}: what is the largest {type(field).__name__}?"
    return 2 + CHARACTER * _limit(field.validators, path)


def _limit(validators: Iterable[Any], path: str) -> int:
    bounds = [v.max for v in validators if isinstance(v, validate.Length) and v.max is not None]
    assert bounds, f"{path} has no bound: give it validate.Length(max=…)"
    return min(bounds)


@pytest.mark.parametrize("event", SERVER_EVENTS, ids=lambda event: event.name)
def test_the_largest_event_is_smaller_than_the_backlog_bound(event: Any) -> None:
    assert largest(event.schema, event.name) + ENVELOPE < MAX_BACKLOG


ACKS = {event.name: event.returns for event in CLIENT_EVENTS if event.returns} | {
    "auth:renew": RenewedSchema,
    "any that fails": ProblemSchema,
}


@pytest.mark.parametrize("name", ACKS)
def test_the_largest_ack_is_smaller_than_the_backlog_bound(name: str) -> None:
    assert largest(ACKS[name], name) + ENVELOPE < MAX_BACKLOG
