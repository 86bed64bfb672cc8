"""What an event of clients is: what each feature says of those that it takes (`handlers.py`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gevent.event import AsyncResult
from marshmallow import Schema, fields

from chatapp.core.errors import Json
from chatapp.core.schemas import Input, Output, Whole

# What an event's ack carries, now or once it is known.
Outcome: TypeAlias = "Json | AsyncResult[Json] | None"
Handler = Callable[..., Outcome]


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event that clients send: its name, the shape of its payload, what it does, the shape of its ack.

    The handler gets the actor and the payload; if `about_socket`, the connection instead of the actor. One that is
    `pipelined` answers later, and keeps the order of those like it by itself: several of a client may be on their way.
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
