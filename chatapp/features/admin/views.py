"""Administration, over REST."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.features.admin import actions, queries
from chatapp.features.admin.schemas import Account, AccountFilter, AccountSchema, PatchAccountSchema
from chatapp.rest.resource import Resource

PARTS = {"userId": {"description": "The id of a user, active or deactivated."}}

resource = Resource("admin", "/admin", "Manage accounts. Requires the role ADMIN.", PARTS)

ADMIN_ONLY = {403: "The caller's role is not ADMIN (`forbidden`)."}


class AccountsQuery(AccountFilter, page_query(str)):  # type: ignore[misc]
    """Filters and page of the list of accounts."""


@resource.endpoint("GET", "/users", query=AccountsQuery, returns=AccountSchema, many=True, errors=ADMIN_ONLY)
def list_accounts(actor: Actor, query: Json) -> Page:
    """List accounts.

    Requires the role ADMIN. Returns active and deactivated accounts that match both `q` and `role`, sorted by username.
    """
    return queries.list_accounts(actor, **query)


@resource.endpoint(
    "PATCH",
    "/users/<uuid:userId>",
    body=PatchAccountSchema,
    returns=AccountSchema,
    errors=ADMIN_ONLY
    | {
        404: "The user does not exist (`not_found`).",
        409: "The account is the last active ADMIN of the server (`last_admin`).",
    },
)
def update_account(actor: Actor, user_id: str, body: Json) -> Account:
    """Update an account.

    Requires the role ADMIN. Changes the role, or deactivates or reactivates the account. The server always keeps one
    active ADMIN. Deactivation ends all sessions of the account and closes its sockets.
    """
    return actions.update_account(actor, user_id, **body)
