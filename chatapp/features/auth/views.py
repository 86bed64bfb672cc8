"""REST endpoints of registration, login, refresh and logout."""

from chatapp.core import settings
from chatapp.core.errors import Json
from chatapp.core.identity import Actor, Principal
from chatapp.features.auth import actions
from chatapp.features.auth.access_tokens import tokens_response
from chatapp.features.auth.schemas import (
    IssueTokensSchema,
    LoginResponse,
    LoginResponseSchema,
    LoginSchema,
    RefreshSchema,
    RegisterSchema,
    Tokens,
    TokensSchema,
)
from chatapp.features.sessions import actions as sessions
from chatapp.features.sessions.actions import Device
from chatapp.rest.bearer import bearer_token, current_client
from chatapp.rest.resource import DATABASE_UNAVAILABLE, Resource

resource = Resource("auth", "/auth", "Register, log in, refresh tokens, log out.")
server = Resource("server tokens", "/server", "Tokens of users, issued by servers.")
# Password hashing is slow on purpose, and bounded in concurrency.
LOGIN_UNAVAILABLE = f"{DATABASE_UNAVAILABLE} Too many logins are in progress (`busy`)."


@resource.endpoint(
    "POST",
    "/register",
    public=True,
    body=RegisterSchema,
    returns=LoginResponseSchema,
    status=201,
    rate=lambda: settings.current().rate_register,
    errors={
        403: "Users can't register on this server (`registration_closed`).",
        409: "The email address is taken (`email_taken`). The username is taken (`username_taken`).",
        503: LOGIN_UNAVAILABLE,
    },
)
def register(body: Json) -> LoginResponse:
    """Register an account.

    Creates the account and logs it in; the response has the form of a login. Email addresses and usernames are unique
    regardless of case.
    """
    user, tokens = actions.register(**body, client=current_client())
    return {"user": user, **tokens_response(tokens)}


@resource.endpoint(
    "POST",
    "/login",
    public=True,
    body=LoginSchema,
    returns=LoginResponseSchema,
    rate=lambda: settings.current().rate_login,
    errors={
        401: "Wrong username, email address or password (`invalid_credentials`).",
        403: "Users can't log in with a password on this server (`password_login_off`).",
        503: LOGIN_UNAVAILABLE,
    },
)
def login(body: Json) -> LoginResponse:
    """Log in with an email address or a username.

    Opens a new session; other sessions of the account continue. The response is identical for unknown, deactivated and
    wrong-password logins. Each attempt counts as failed until the password is verified, under the name as it was given;
    see "Rate limits". When the limit over all client addresses is reached, addresses from which the account logged in
    during the last 30 days can still log in. With `PASSWORD_LOGIN=off` only administrators can log in; all other attempts
    get the same response, whether or not the account exists.
    """
    user, tokens = actions.login(**body, client=current_client())
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
def refresh(body: Json) -> Tokens:
    """Refresh the tokens.

    Exchanges a refresh token, in the body or as Bearer, for new tokens. A refresh token can be used once. For 10 seconds,
    and while the new token is unused, the old one returns the same new refresh token again; any other reuse ends the
    session.
    """
    return tokens_response(actions.refresh(body.get("refresh_token", bearer_token() or ""), current_client()))


@resource.endpoint("POST", "/logout", status=204)
def logout(actor: Actor) -> None:
    """Log out.

    Ends the session of the access token: its refresh and access tokens are no longer accepted, and its sockets close.
    """
    sessions.logout(actor)


@server.endpoint(
    "POST",
    "/tokens",
    scope="tokens",
    body=IssueTokensSchema,
    returns=LoginResponseSchema,
    status=201,
    errors={
        404: "The user does not exist (`not_found`).",
        409: "The user is deactivated (`user_inactive`). A job is erasing the user (`job_running`). The username is taken (`username_taken`). The email address is "
        "taken (`email_taken`). The change would leave the server without an ADMIN (`last_admin`).",
    },
)
def issue_tokens(principal: Principal, body: Json) -> LoginResponse:
    """Issue tokens for a user.

    Opens a session; pass the tokens to the device of the user. Not available to access tokens of users, whatever their
    role. A user whose role is not USER requires the scope `admin` too.
    """
    device = Device(**body.pop("device", {}))
    user, tokens = actions.issue_tokens(principal, device=device, **body)
    return {"user": user, **tokens_response(tokens)}
