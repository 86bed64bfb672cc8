"""The access token of a request (RFC 6750), and who is calling."""

from flask import Flask, g, request

from chatapp.core import addresses
from chatapp.core.errors import Unauthenticated
from chatapp.core.identity import Actor, Verifier
from chatapp.core.settings import Settings
from chatapp.rest.app import current


def bearer_token() -> str | None:
    """The token of `Authorization: Bearer` (RFC 6750), or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def install(app: Flask, settings: Settings, tokens: Verifier) -> None:
    """Set the caller of every request (`g.caller`, for rate limits), and provide `current_actor`."""
    app.extensions["tokens"] = tokens

    @app.before_request
    def name_caller() -> None:
        context = current(g)
        context.address = addresses.client_address(request.environ, settings.trusted_proxies)
        context.caller = f"address {context.address}"
        context.token = bearer_token()
        if context.token:
            try:
                context.caller = f"user {tokens.read(context.token).user_id}"
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
    tokens: Verifier = app.extensions["tokens"]
    actor, _ = tokens.authenticate(token)
    return actor
