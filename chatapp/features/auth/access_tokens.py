"""Access tokens: JWTs (RFC 7519) that name a user and a session.

A token only proves who signed it. Whether the session is active and what the user may do is read on every request
(`find_actor`).
"""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import jwt
from flask import Flask
from flask_jwt_extended import create_access_token
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from chatapp.core import settings
from chatapp.core.errors import Forbidden, Unauthenticated
from chatapp.core.identity import Actor, Claims, Principal
from chatapp.core.references import Reference
from chatapp.core.settings import Settings
from chatapp.features.auth.schemas import Tokens
from chatapp.features.sessions.actions import TokenPair
from chatapp.models.enums import UserRole

ALGORITHM = "HS256"
# Seconds by which the times of a token (`nbf`, `iat`) may be ahead of this machine's clock.
MAX_CLOCK_DIFFERENCE = 10
# Tokens with a verified signature; verification costs as much as a query.
MAX_CACHED = 20_000
# What users with these roles may do where a key needs a scope: not issue tokens, act as others, or read messages.
SCOPES_OF_ROLES = {
    UserRole.MODERATOR: frozenset({"moderation"}),
    UserRole.ADMIN: frozenset(
        {"users", "users:read", "chats:read", "admin", "tokens:revoke", "keys", "audit:read", "jobs:read", "moderation"}
    ),
}


def configure(app: Flask, settings: Settings) -> None:
    """Configure Flask-JWT-Extended, which signs the tokens."""
    app.config.update(
        JWT_SECRET_KEY=settings.access_secret,
        JWT_ALGORITHM=ALGORITHM,
    )


def issue_access_token(user_id: str, session_id: str, lifetime: timedelta) -> str:
    """A signed access token for a session."""
    return create_access_token(user_id, expires_delta=lifetime, additional_claims={"sid": session_id})  # type: ignore[no-any-return]


def tokens_response(tokens: TokenPair) -> Tokens:
    """The `Tokens` object of a pair."""
    lifetime = tokens.lifetime or settings.current().access_lifetime
    return {
        "accessToken": issue_access_token(tokens.user_id, tokens.session_id, lifetime),
        "refreshToken": tokens.refresh_token,
        "expiresIn": int(lifetime.total_seconds()),
    }


class AccessTokens:
    """The `Verifier` of both transports. `find_actor` reads the actor of a user's session from the database, `use` notes that
    a session is used."""

    def __init__(self, find_actor: Callable[[str, str], Actor | None], use: Callable[[str], None]) -> None:
        self._find_actor = find_actor
        self._use = use
        self._verified: dict[str, Claims] = {}

    def read(self, token: object) -> Claims:
        """The claims of `token`, after its signature and times were verified.

        Raises Unauthenticated: `token_expired` if only the lifetime is over, `token_invalid` otherwise.
        """
        try:
            if not isinstance(token, str):
                raise ValueError
            if (known := self._verified.get(token)) and known.expires_at > time.time():
                return known
            # As flask-jwt-extended does, which would parse each token twice, once without verifying it.
            claims = jwt.decode(
                token, settings.current().access_secret, algorithms=[ALGORITHM], leeway=MAX_CLOCK_DIFFERENCE
            )
            if claims["type"] != "access":
                raise ValueError
            # Clocks of other machines may be ahead; the leeway does not extend a token's lifetime.
            if int(claims["exp"]) <= time.time():
                raise ExpiredSignatureError
            user_id, session_id = (str(uuid.UUID(str(claims[name]))) for name in ("sub", "sid"))
            read = Claims(user_id, session_id, int(claims["exp"]))
            self.remember(token, read)
            return read
        except ExpiredSignatureError:
            raise Unauthenticated("The access token has expired.", code="token_expired") from None
        except (PyJWTError, KeyError, ValueError):
            raise Unauthenticated("The access token is invalid.") from None

    def remember(self, token: str, claims: Claims) -> None:
        """Return these claims of a verified token until it expires."""
        if len(self._verified) >= MAX_CACHED:
            self._verified.clear()
        self._verified[token] = claims

    def claims_of(self, token: object, _address: str | None) -> Claims:
        """The claims of `token`, presented by a client at this address; raises Unauthenticated."""
        return self.read(token)

    def caller(self, token: object, _address: str | None = None) -> str:
        """Whose calls a request with `token` counts as."""
        return f"user {self.read(token).user_id}"

    def authenticate(
        self, token: object, *, act_as: Reference | None = None, address: str | None = None
    ) -> tuple[Actor, Claims]:
        """The actor of `token`, if the session and the account are active; raises Unauthenticated otherwise.

        Raises Forbidden if it shall act as another user, which only API keys can.
        """
        if act_as:
            raise Forbidden("Only an API key can act as a user.", code="act_as_forbidden")
        claims = self.claims_of(token, address)
        actor = self._find_actor(claims.user_id, claims.session_id)
        if actor is None:
            raise Unauthenticated("The session has ended. Log in again.")
        return actor, claims

    def principal(self, token: object, address: str) -> Principal:
        """A user as the caller of an endpoint for servers, with the scopes of their role.

        Raises Unauthenticated for an invalid token.
        """
        actor, _ = self.authenticate(token, address=address)
        scopes = SCOPES_OF_ROLES.get(UserRole(actor.role), frozenset())
        return Principal("user", actor.user_id, actor.username, scopes, address)

    def find_actor(self, actor: Actor) -> Actor | None:
        """The actor as it is now, None if its session has ended or the account is not active."""
        return self._find_actor(actor.user_id, actor.session_id)

    def note_connected(self, actor: Actor) -> None:
        """A socket of this actor is connected."""
        if actor.session_id:
            self._use(actor.session_id)
