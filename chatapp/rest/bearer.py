"""Access tokens: JWTs (RFC 7519) that name a user and a session.

A token only proves who signed it. Whether the session is active and what the user may do is read on every request
(`find_actor`).
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import jwt
from flask import Flask, g, request
from flask_jwt_extended import create_access_token
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from chatapp.core import addresses, settings
from chatapp.core.errors import Unauthenticated
from chatapp.core.identity import Actor
from chatapp.core.settings import Settings
from chatapp.rest.app import current

FindActor = Callable[[str, str], Actor | None]


ALGORITHM = "HS256"
# Seconds by which the times of a token (`nbf`, `iat`) may be ahead of this machine's clock.
MAX_CLOCK_DIFFERENCE = 10
# Tokens with a verified signature; verification costs as much as a query.
MAX_CACHED = 20_000


@dataclass(frozen=True, slots=True)
class Claims:
    """The content of a verified access token. `expires_at` is in seconds since the epoch."""

    user_id: str
    session_id: str
    expires_at: int


_verified: dict[str, Claims] = {}


def issue_access_token(user_id: str, session_id: str) -> str:
    """A signed access token for a session, valid for the configured lifetime."""
    return create_access_token(user_id, additional_claims={"sid": session_id})  # type: ignore[no-any-return]


def read_access_token(token: object) -> Claims:
    """The claims of `token`, after its signature and times were verified.

    Raises Unauthenticated: `token_expired` if only the lifetime is over, `token_invalid` otherwise.
    """
    try:
        if not isinstance(token, str):
            raise ValueError
        if (known := _verified.get(token)) and known.expires_at > time.time():
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
        if len(_verified) >= MAX_CACHED:
            _verified.clear()
        user_id, session_id = (str(uuid.UUID(str(claims[name]))) for name in ("sub", "sid"))
        _verified[token] = read = Claims(user_id, session_id, int(claims["exp"]))
        return read
    except ExpiredSignatureError:
        raise Unauthenticated("The access token has expired.", code="token_expired") from None
    except (PyJWTError, KeyError, ValueError):
        raise Unauthenticated("The access token is invalid.") from None


def authenticate(token: object, find_actor: FindActor) -> tuple[Actor, Claims]:
    """The actor of `token`, if the session and the account are active; raises Unauthenticated otherwise."""
    claims = read_access_token(token)
    actor = find_actor(claims.user_id, claims.session_id)
    if actor is None:
        raise Unauthenticated("The session has ended. Log in again.")
    return actor, claims


def bearer_token() -> str | None:
    """The token of `Authorization: Bearer` (RFC 6750), or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def install(app: Flask, settings: Settings, find_actor: FindActor) -> None:
    """Set the caller of every request (`g.caller`, for rate limits), and provide `current_actor`."""
    app.config.update(
        JWT_SECRET_KEY=settings.access_secret,
        JWT_ACCESS_TOKEN_EXPIRES=settings.access_lifetime,
        JWT_ALGORITHM=ALGORITHM,
    )
    app.extensions["find_actor"] = find_actor
    _verified.clear()

    @app.before_request
    def name_caller() -> None:
        context = current(g)
        context.address = addresses.client_address(request.environ, settings.trusted_proxies)
        context.caller = f"address {context.address}"
        context.token = bearer_token()
        if context.token:
            try:
                context.caller = f"user {read_access_token(context.token).user_id}"
            except Unauthenticated:
                pass  # Without a valid token the request counts for its address; the endpoint decides whether it needs one.

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        g.pop("caller", None)


def client_address() -> str:
    """The canonical address of the client that sent this request."""
    address: str = g.address
    return address


def current_actor(app: Flask) -> Actor:
    """The actor of this request; raises Unauthenticated."""
    token = g.token
    if token is None:
        raise Unauthenticated("Authentication required. Send Authorization: Bearer <token>.")
    actor, _ = authenticate(token, app.extensions["find_actor"])
    return actor
