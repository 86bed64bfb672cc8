"""The actor of a request or event, and how transports learn it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Actor:
    """A user with an active session, as last read from the database; every action takes one.

    `role` is the role on this server (USER, MODERATOR or ADMIN), not the one in a chat.
    """

    user_id: str
    session_id: str
    username: str
    avatar: str | None
    role: str


# (user id, session id) → the actor of that session, if it has not ended and the account is active.
FindActor = Callable[[str, str], Actor | None]


@dataclass(frozen=True, slots=True)
class Claims:
    """The content of a verified access token. `expires_at` is in seconds since the epoch."""

    user_id: str
    session_id: str
    expires_at: int


class Verifier(Protocol):
    """Verifies access tokens for the transports; the factory gives them the one of the feature `auth`."""

    def read(self, token: object) -> Claims:
        """The claims of `token`, after its signature and times were verified.

        Raises Unauthenticated: `token_expired` if only the lifetime is over, `token_invalid` otherwise.
        """

    def authenticate(self, token: object) -> tuple[Actor, Claims]:
        """The actor of `token`, if the session and the account are active; raises Unauthenticated otherwise."""

    def find_actor(self, user_id: str, session_id: str) -> Actor | None:
        """The actor of that session, if it has not ended and the account is active."""
