"""Declares server events, which features list in their `server_events.py`, and checks in tests that emitted events
match their schema."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from marshmallow import Schema

from chatapp.core import private_ids, settings
from chatapp.core.errors import Json
from chatapp.core.objects import ApiObject
from chatapp.core.problem import ProblemSchema
from chatapp.core.schemas import validate_response
from chatapp.sockets.packets import EncodedPacket, encode_event


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event that the server emits: its name, the schema of its payload, a summary, and its recipients.

    `example` overrides fields of the generated example.
    """

    name: str
    schema: type[Schema]
    summary: str
    audience: str
    example: Json = field(default_factory=dict)


# What the transport itself emits.
OWN_EVENTS = (
    ServerEvent(
        "exception",
        ProblemSchema,
        "A client event without an ack failed.",
        "The socket that sent the event.",
    ),
)
_schemas: Mapping[str, type[Schema]] = {}


def expect_events(events: Iterable[ServerEvent]) -> None:
    """Set the events that this process may emit; called once by the factory."""
    global _schemas
    _schemas = {event.name: event.schema for event in events}


def encode(name: str, payload: ApiObject) -> EncodedPacket:
    """The packet of a server event. In tests, raises AssertionError if the event does not match its schema."""
    if settings.current().validate_responses:
        if name not in _schemas:
            raise AssertionError(f"The event {name} is not documented.")
        validate_response(_schemas[name], payload)
    if settings.current().external_ids_private and private_ids.has_external_ids(_schemas[name]):
        payload = private_ids.visible_to_all(payload)
    return encode_event(name, payload)
