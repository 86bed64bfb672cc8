"""REST endpoints of registration, login, refresh and logout."""

from chatapp.core import settings
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.features.auth import actions
from chatapp.features.auth.access_tokens import issue_access_token
from chatapp.features.auth.actions import TokenPair
from chatapp.features.auth.schemas import LoginAnswerSchema, LoginSchema, RefreshSchema, RegisterSchema, TokensSchema
from chatapp.rest.bearer import bearer_token, client_address
from chatapp.rest.resource import DATABASE_UNAVAILABLE, Resource

resource = Resource("auth", "/auth", "Register, log in, refresh tokens, log out.")
# Password hashing is slow on purpose, and bounded in concurrency.
LOGIN_UNAVAILABLE = f"{DATABASE_UNAVAILABLE} Too many logins are in progress (`busy`)."


def tokens_response(tokens: TokenPair) -> Json:
    """The `Tokens` object of a pair."""
    return {
        "accessToken": issue_access_token(tokens.user_id, tokens.session_id),
        "refreshToken": tokens.refresh_token,
        "expiresIn": int(settings.current().access_lifetime.total_seconds()),
    }


@resource.endpoint(
    "POST",
    "/register",
    public=True,
    body=RegisterSchema,
    returns=LoginAnswerSchema,
    status=201,
    rate=lambda: settings.current().rate_register,
    errors={
        409: "The email address is taken (`email_taken`). The username is taken (`username_taken`).",
        503: LOGIN_UNAVAILABLE,
    },
)
def register(body: Json) -> Json:
    """Register an account.

    Creates the account and logs it in; the response has the form of a login. Email addresses and usernames are unique
    regardless of case.
    """
    user, tokens = actions.register(**body, address=client_address())
    return {"user": user, **tokens_response(tokens)}


@resource.endpoint(
    "POST",
    "/login",
    public=True,
    body=LoginSchema,
    returns=LoginAnswerSchema,
    rate=lambda: settings.current().rate_login,
    errors={401: "Wrong username, email address or password (`invalid_credentials`).", 503: LOGIN_UNAVAILABLE},
)
def login(body: Json) -> Json:
    """Log in with an email address or a username.

    Opens a new session; other sessions of the account continue. The response is identical for unknown, deactivated and
    wrong-password logins. Each attempt counts as failed until the password is verified, under the name as it was given;
    see "Rate limits". When the limit over all client addresses is reached, addresses from which the account logged in
    during the last 30 days can still log in.
    """
    user, tokens = actions.login(**body, address=client_address())
    return {"user": user, **tokens_response(tokens)}


@resource.endpoint(
    "POST",
    "/refresh",
    public=True,
    body=RefreshSchema,
    returns=TokensSchema,
    errors={
        401: "The token is missing, unknown, or its session has ended (`token_invalid`). "
        "The token has expired (`token_expired`). The token was already used, and its session is ended "
        "(`refresh_reused`).",
    },
)
def refresh(body: Json) -> Json:
    """Refresh the tokens.

    Exchanges a refresh token, in the body or as Bearer, for new tokens. A refresh token can be used once. For 10 seconds,
    and while the new token is unused, the old one returns the same new refresh token again; any other reuse ends the
    session.
    """
    return tokens_response(actions.refresh(body.get("refresh_token", bearer_token() or "")))


@resource.endpoint("POST", "/logout", status=204)
def logout(actor: Actor) -> None:
    """Log out.

    Ends the session of the access token: its refresh and access tokens are no longer accepted, and its sockets close.
    """
    actions.logout(actor)
