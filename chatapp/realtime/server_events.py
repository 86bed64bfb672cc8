"""What an event of the server is, and the promise that each one sent is as documented.

`chatapp/server_events.py` lists them all; this module stands below the features whose shapes that list names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from marshmallow import Schema

from chatapp.core import settings
from chatapp.core.errors import Json
from chatapp.core.schemas import validate_response


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event that clients listen for: its name, the shape of its payload, what it tells of, and whom it tells.

    `example` is what the documented example says otherwise than an example of that shape would.
    """

    name: str
    schema: type[Schema]
    summary: str
    audience: str
    example: Json = field(default_factory=dict)


_schemas: Mapping[str, type[Schema]] = {}


def expect_events(events: Iterable[ServerEvent]) -> None:
    """Make `events` all that this process may send; the factory calls it once."""
    global _schemas
    _schemas = {event.name: event.schema for event in events}


def verify_event(name: str, payload: Json) -> None:
    """In tests, hold an event that is about to leave against its schema: AssertionError when it is not documented so."""
    if settings.current().validate_responses:
        if name not in _schemas:
            raise AssertionError(f"The event {name} is not documented.")
        validate_response(_schemas[name], payload)
