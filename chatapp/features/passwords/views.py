"""REST endpoints of passwords."""

from chatapp.core import settings
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.features.passwords import actions
from chatapp.features.passwords.schemas import ChangePasswordSchema, ResetPasswordSchema
from chatapp.rest.bearer import current_client
from chatapp.rest.resource import DATABASE_UNAVAILABLE, Resource

resource = Resource("passwords", "/auth/password", "Change passwords, and reset forgotten ones.")
BUSY = {503: f"{DATABASE_UNAVAILABLE} Too many passwords are being checked (`busy`)."}


@resource.endpoint(
    "POST",
    "/change",
    body=ChangePasswordSchema,
    status=204,
    errors={
        403: "The current password is wrong (`password_wrong`).",
        409: "The account has no password (`no_password`).",
    }
    | BUSY,
)
def change_password(actor: Actor, body: Json) -> None:
    """Change the password.

    Ends all sessions of the account except the current one, and invalidates open reset links. Wrong current passwords
    count as failed logins of the account and the client address; see "Rate limits". The new password must differ from the
    current one.
    """
    actions.change_password(actor, current_client(), **body)


@resource.endpoint(
    "POST",
    "/reset",
    public=True,
    body=ResetPasswordSchema,
    status=204,
    rate=lambda: settings.current().rate_codes,
    errors={
        422: "A field is invalid (`validation_error`). The code is unknown, was used, or has expired (`code_invalid`)."
    }
    | BUSY,
)
def reset_password(body: Json) -> None:
    """Reset the password with the code of a link.

    Sets the password, also of an account that had none, and ends all its sessions. Does not log in. A code is valid for 30
    minutes and can be used once.
    """
    actions.reset_password(current_client(), **body)
