"""Declares client events, which features list in their `handlers.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypedDict

from marshmallow import Schema, fields

from chatapp.core.batching import Result
from chatapp.core.objects import ApiObject, schema_of
from chatapp.core.schemas import Input, Whole
from chatapp.core.settings import Rate, Settings

# The data of an event's ack, now or later.
Outcome: TypeAlias = ApiObject | Result[Any] | None
Handler = Callable[..., Outcome]


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event that clients send: its name, the schema of its payload, a summary, its handler, the schema of its ack.

    The handler, usually an action, gets the actor and the fields of the payload; if `about_socket`, the connection
    instead of the actor. A `pipelined` event is acknowledged later and keeps its own order: a client may have several in
    progress. With `own_limit`, the action that is counted and its rate, it does not count against the limit of all events.
    """

    name: str
    schema: type[Schema]
    summary: str
    handler: Handler
    returns: type[Schema] | None = None
    about_socket: bool = False
    pipelined: bool = False
    own_limit: tuple[str, Callable[[Settings], Rate]] | None = None


class RenewSchema(Input):
    """A new access token of the same user."""

    token = fields.String(
        required=True,
        load_only=True,
        metadata={
            "description": "The access token of `POST /auth/refresh`.",
            "example": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
        },
    )


class Renewed(TypedDict):
    """The lifetime of the new token."""

    expiresIn: Annotated[int, Whole(metadata={"example": 900}), "Remaining lifetime of the token in seconds."]


RenewedSchema = schema_of(Renewed)
