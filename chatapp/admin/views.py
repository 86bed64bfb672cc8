"""Administration, over REST."""

from chatapp.admin import actions, queries
from chatapp.admin.schemas import AccountFilter, AccountSchema, PatchAccountSchema
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.rest.door import Door

PARTS = {"userId": {"description": "A person with an account, active or not."}}

door = Door("admin", "/admin", "Accounts, for those whose role is ADMIN.", PARTS)

ADMIN_ONLY = {403: "The caller's role is not ADMIN (`forbidden`)."}


class AccountsQuery(AccountFilter, page_query(str)):  # type: ignore[misc]
    """Which accounts to list, and which page of them."""


@door.endpoint("GET", "/users", query=AccountsQuery, returns=AccountSchema, many=True, errors=ADMIN_ONLY)
def list_accounts(actor: Actor, query: Json) -> Page:
    """Accounts, by username.

    For an ADMIN of this server: all, or those that match both `q` and `role`; the deactivated too.
    """
    return queries.list_accounts(actor, **query)


@door.endpoint(
    "PATCH",
    "/users/<uuid:userId>",
    body=PatchAccountSchema,
    returns=AccountSchema,
    errors=ADMIN_ONLY
    | {404: "There is no such user (`not_found`).", 409: "This is the server's only ADMIN (`last_admin`)."},
)
def update_account(actor: Actor, user_id: str, body: Json) -> Json:
    """Change an account's role, or deactivate it.

    For an ADMIN of this server, which always keeps an active one. Of a deactivated account all sessions end, and its
    live sockets close.
    """
    return actions.update_account(actor, user_id, **body)
