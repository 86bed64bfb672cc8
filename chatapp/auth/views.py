"""Accounts' way in, over REST."""

from chatapp.auth import actions
from chatapp.auth.actions import Grant
from chatapp.auth.schemas import LoginAnswerSchema, LoginSchema, RefreshSchema, RegisterSchema, TokensSchema
from chatapp.core import settings
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.rest.bearer import bearer_token, client_address, issue_access_token
from chatapp.rest.door import UNAVAILABLE, Door

door = Door("auth", "/auth", "Register, log in, stay logged in, log out.")
# Passwords take their time, and only so many are looked at together.
BUSY = f"{UNAVAILABLE} Too many log in at the same time (`busy`)."


def tokens(grant: Grant) -> Json:
    """The `Tokens` of a grant."""
    return {
        "accessToken": issue_access_token(grant.user_id, grant.session_id),
        "refreshToken": grant.refresh_token,
        "expiresIn": int(settings.current().access_lifetime.total_seconds()),
    }


@door.endpoint(
    "POST",
    "/register",
    public=True,
    body=RegisterSchema,
    returns=LoginAnswerSchema,
    status=201,
    rate=lambda: settings.current().rate_register,
    errors={409: "The address is taken (`email_taken`). The name is taken (`username_taken`).", 503: BUSY},
)
def register(body: Json) -> Json:
    """Make an account and log it in.

    An address and a name belong to one account each, whatever their case. The answer is the same as that to a login.
    """
    user, grant = actions.register(**body, address=client_address())
    return {"user": user, **tokens(grant)}


@door.endpoint(
    "POST",
    "/login",
    public=True,
    body=LoginSchema,
    returns=LoginAnswerSchema,
    rate=lambda: settings.current().rate_login,
    errors={401: "The account or the password is wrong (`invalid_credentials`).", 503: BUSY},
)
def login(body: Json) -> Json:
    """Log in with an e-mail address or a username.

    This opens a session of its own; others of the account, on other devices, stay. An unknown, a deactivated and a
    mistaken account are told apart by nothing. An attempt counts as a failure of the name, as it was given, until its
    password has been found right; see the limits. Beyond the limit over all addresses, those from which the account
    logged in during the last 30 days can go on.
    """
    user, grant = actions.login(**body, address=client_address())
    return {"user": user, **tokens(grant)}


@door.endpoint(
    "POST",
    "/refresh",
    public=True,
    body=RefreshSchema,
    returns=TokensSchema,
    errors={
        401: "There is no token, it is unknown, or its session has ended (`token_invalid`). "
        "It is too old (`token_expired`). It was used before, which ends its session (`refresh_reused`).",
    },
)
def refresh(body: Json) -> Json:
    """Exchange a refresh token for new tokens.

    It comes in the body, or as Bearer when there is none in the body. Each is good once. For 10 s, and while the new
    one is unused, the old one gives the same refresh token again; any other use of an old token ends its session.
    """
    return tokens(actions.refresh(body.get("refresh_token", bearer_token() or "")))


@door.endpoint("POST", "/logout", status=204)
def logout(actor: Actor) -> None:
    """End the session that the access token belongs to.

    Its refresh token is dead from now on, the access token opens nothing any more, and its live sockets close.
    """
    actions.logout(actor)
