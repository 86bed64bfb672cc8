"""Declares client events, which features list in their `handlers.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gevent.event import AsyncResult
from marshmallow import Schema, fields

from chatapp.core.errors import Json
from chatapp.core.schemas import Input, Output, Whole

# The data of an event's ack, now or later.
Outcome: TypeAlias = "Json | AsyncResult[Json] | None"
Handler = Callable[..., Outcome]


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event that clients send: its name, the schema of its payload, its handler, the schema of its ack.

    The handler gets the actor and the payload; if `about_socket`, the connection instead of the actor. A `pipelined`
    event is acknowledged later and keeps its own order: a client may have several in progress.
    """

    name: str
    schema: type[Schema]
    handler: Handler
    returns: type[Schema] | None = None
    about_socket: bool = False
    pipelined: bool = False


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


class RenewedSchema(Output):
    """The lifetime of the new token."""

    expiresIn = Whole(
        required=True, metadata={"description": "Remaining lifetime of the token in seconds.", "example": 900}
    )
