"""REST endpoint that exchanges tokens of the app."""

from chatapp.core import settings
from chatapp.core.errors import Json
from chatapp.features.app_tokens import actions
from chatapp.features.app_tokens.schemas import ExchangeSchema
from chatapp.features.auth.access_tokens import tokens_response
from chatapp.features.auth.schemas import LoginResponse, LoginResponseSchema
from chatapp.features.sessions.actions import Device
from chatapp.rest.bearer import current_client
from chatapp.rest.resource import DATABASE_UNAVAILABLE, Resource

resource = Resource("app tokens", "/auth", "Tokens of your app.")


@resource.endpoint(
    "POST",
    "/exchange",
    public=True,
    body=ExchangeSchema,
    returns=LoginResponseSchema,
    rate=lambda: settings.current().rate_login,
    errors={
        401: "The token is invalid, was revoked, or is one of a deactivated user (`token_invalid`). The token has expired "
        "(`token_expired`). The server does not accept tokens of your app, or not of this issuer (`issuer_unknown`). The "
        "token names a user who does not exist here (`user_unknown`).",
        503: f"{DATABASE_UNAVAILABLE} The keys of the issuer can't be fetched (`issuer_unavailable`).",
    },
)
def exchange_token(body: Json) -> LoginResponse:
    """Exchange a token of your app.

    Opens a session for the user of a JWT that your app issued, and creates or updates the user by its claims. The session
    continues by refreshing, whatever the `exp` of the JWT was.
    """
    device = Device(**body.pop("device", {}))
    user, tokens = actions.exchange(current_client(), device=device, **body)
    return {"user": user, **tokens_response(tokens)}
