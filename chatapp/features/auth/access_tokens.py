"""Access tokens: JWTs (RFC 7519) that name a user and a session.

A token only proves who signed it. Whether the session is active and what the user may do is read on every request
(`find_actor`).
"""

import time
import uuid

import jwt
from flask import Flask
from flask_jwt_extended import create_access_token
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from chatapp.core import settings
from chatapp.core.errors import Unauthenticated
from chatapp.core.identity import Actor, Claims, FindActor
from chatapp.core.settings import Settings

ALGORITHM = "HS256"
# Seconds by which the times of a token (`nbf`, `iat`) may be ahead of this machine's clock.
MAX_CLOCK_DIFFERENCE = 10
# Tokens with a verified signature; verification costs as much as a query.
MAX_CACHED = 20_000


def configure(app: Flask, settings: Settings) -> None:
    """Configure Flask-JWT-Extended, which signs the tokens."""
    app.config.update(
        JWT_SECRET_KEY=settings.access_secret,
        JWT_ACCESS_TOKEN_EXPIRES=settings.access_lifetime,
        JWT_ALGORITHM=ALGORITHM,
    )


def issue_access_token(user_id: str, session_id: str) -> str:
    """A signed access token for a session, valid for the configured lifetime."""
    return create_access_token(user_id, additional_claims={"sid": session_id})  # type: ignore[no-any-return]


class AccessTokens:
    """The `Verifier` of both transports. `find_actor` reads the actor of a session from the database."""

    def __init__(self, find_actor: FindActor) -> None:
        self.find_actor = find_actor
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
            if len(self._verified) >= MAX_CACHED:
                self._verified.clear()
            user_id, session_id = (str(uuid.UUID(str(claims[name]))) for name in ("sub", "sid"))
            self._verified[token] = read = Claims(user_id, session_id, int(claims["exp"]))
            return read
        except ExpiredSignatureError:
            raise Unauthenticated("The access token has expired.", code="token_expired") from None
        except (PyJWTError, KeyError, ValueError):
            raise Unauthenticated("The access token is invalid.") from None

    def authenticate(self, token: object) -> tuple[Actor, Claims]:
        """The actor of `token`, if the session and the account are active; raises Unauthenticated otherwise."""
        claims = self.read(token)
        actor = self.find_actor(claims.user_id, claims.session_id)
        if actor is None:
            raise Unauthenticated("The session has ended. Log in again.")
        return actor, claims
