"""The access token of a request (RFC 6750), and who is calling."""

from urllib.parse import unquote

from flask import Flask, g, request
from marshmallow import ValidationError

from chatapp.core import addresses, audit
from chatapp.core.api_keys import looks_like_key
from chatapp.core.errors import Forbidden, Unauthenticated
from chatapp.core.identity import Actor, Client, Principal, Verifier
from chatapp.core.references import Reference, as_reference
from chatapp.core.settings import Settings
from chatapp.rest.app import current

UNKNOWN = Reference(id="00000000-0000-0000-0000-000000000000")
MAX_USER_AGENT = 200


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
        audit.caller_address.set(context.address)
        context.caller = f"address {context.address}"
        context.token = bearer_token()
        if context.token:
            try:
                context.caller = tokens.caller(context.token, context.address)
            except Unauthenticated:
                # Without a valid token the request counts for its address, and the endpoint decides whether it needs one.
                # A wrong key is refused wherever it is used.
                if looks_like_key(context.token):
                    raise

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        g.pop("caller", None)


def client_address() -> str:
    """The canonical address of the client that sent this request."""
    address: str = g.address
    return address


def current_client() -> Client:
    """The client that sent this request."""
    return Client(client_address(), request.headers.get("User-Agent", "")[:MAX_USER_AGENT] or None)


def current_actor(app: Flask) -> Actor:
    """The actor of this request: the user of the access token, or as whom an API key acts.

    Raises Unauthenticated; Forbidden, NotFound or Conflict if the key may not act as the user of `Act-As`.
    """
    token = g.token
    if token is None:
        raise Unauthenticated("Authentication required. Send Authorization: Bearer <token>.")
    tokens: Verifier = app.extensions["tokens"]
    actor, _ = tokens.authenticate(token, act_as=_act_as(), address=client_address())
    return actor


def _act_as() -> Reference | None:
    """The user whom `Act-As` names, percent-encoded as in a path."""
    given = request.headers.get("Act-As")
    if given is None:
        return None
    try:
        return as_reference(unquote(given, errors="strict"))
    except (ValidationError, UnicodeDecodeError):
        # No user has such an id.
        return UNKNOWN


def refuse_acting() -> None:
    """Raise Forbidden for a request in which an API key acts as a user, or names none."""
    if "Act-As" in request.headers or looks_like_key(g.token):
        raise Forbidden("An API key can't act as a user here.", code="act_as_forbidden")


def current_principal(app: Flask) -> Principal:
    """The API key or the user of this request; raises Unauthenticated."""
    token = g.token
    if token is None:
        raise Unauthenticated("Authentication required. Send Authorization: Bearer <key>.")
    tokens: Verifier = app.extensions["tokens"]
    return tokens.principal(token, client_address())
