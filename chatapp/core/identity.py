"""The actor of a request or event, and how transports learn it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chatapp.core.references import Reference


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls an endpoint for servers: an API key, or a user with the scopes of their role; or a command of the operator.

    `type` is that of the actor of an audit entry (`user`, `key`, `cli` or `system`), `address` the one of the client.
    Of a key, `secret_hash` is the one of the secret that was used, which is valid until `ends_at` (seconds since the
    epoch), and `acts_as` the user as whom it always acts, if there is one.
    """

    type: str
    id: str | None
    name: str
    scopes: frozenset[str] = frozenset()
    address: str | None = None
    secret_hash: bytes = field(default=b"", repr=False)
    ends_at: float = math.inf
    acts_as: str | None = None


# The commands of the operator, and tokens of the operator's app: neither is bound to the scopes of a key.
CLI = Principal("cli", None, "cli", frozenset({"admin"}))
APP_TOKEN = Principal("system", None, "app token", frozenset({"admin"}))


@dataclass(frozen=True, slots=True)
class Client:
    """The program that sent a request: its canonical address, and the beginning of its `User-Agent`."""

    address: str
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A user with an active session, as last read from the database; every action takes one.

    `role` is the role on this server (USER, MODERATOR or ADMIN), not the one in a chat. `acting` is the API key that acts
    as the user; such an actor has no session (`session_id` is empty).
    """

    user_id: str
    session_id: str
    username: str
    avatar: str | None
    role: str
    acting: Principal | None = None

    @property
    def has_presence(self) -> bool:
        """False if a key acts as a user of its choice: its sockets do not make that user appear online."""
        return self.acting is None or self.acting.acts_as is not None


# An actor that was read before → the actor now, None if the session has ended or the account is not active.
FindActor = Callable[[Actor], Actor | None]


@dataclass(frozen=True, slots=True)
class Claims:
    """The content of a verified access token. `expires_at` is in seconds since the epoch.

    Of an API key, `session_id` is empty.
    """

    user_id: str
    session_id: str
    expires_at: float


class Verifier(Protocol):
    """Verifies access tokens for the transports; the factory gives them the one of the feature `auth`."""

    def caller(self, token: object, address: str | None = None) -> str:
        """Whose calls a request with `token` counts as: `user <id>` or `key <id>`.

        Raises Unauthenticated: `token_expired` if only the lifetime is over, `token_invalid`, `key_expired` or
        `key_invalid`. Wrong keys are counted for the client's `address`, if there is one: raises RateLimited.
        """

    def authenticate(
        self, token: object, *, act_as: Reference | None = None, address: str | None = None
    ) -> tuple[Actor, Claims]:
        """The actor of `token`, if the session and the account are active; raises Unauthenticated otherwise.

        `act_as` names the user as whom an API key acts: raises Forbidden, NotFound or Conflict if it may not.
        """

    def principal(self, token: object, address: str) -> Principal:
        """Who calls an endpoint for servers with `token`, from the client's `address`; raises Unauthenticated."""

    def find_actor(self, actor: Actor) -> Actor | None:
        """The actor as it is now, None if its session has ended, its key is not valid, or the account is not active."""

    def note_connected(self, actor: Actor) -> None:
        """A socket of this actor is connected. Never blocks."""
