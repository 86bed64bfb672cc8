"""REST endpoints of API keys."""

from typing import Any

from chatapp.core.errors import Json
from chatapp.core.identity import Principal
from chatapp.core.pagination import Page, list_query
from chatapp.features.keys import actions, queries
from chatapp.features.keys.schemas import (
    ApiKey,
    ApiKeySchema,
    CreateKeySchema,
    NewApiKey,
    NewApiKeySchema,
    PatchKeySchema,
    RotateKeySchema,
)
from chatapp.rest.resource import Resource

PARTS = {"keyId": {"description": "The id of an API key."}}
UNKNOWN = {404: "The key does not exist, or was revoked more than 90 days ago (`not_found`)."}
REVOKED = {409: "The key is revoked (`conflict`)."}
TOO_MANY = "There are 100 keys that are neither revoked nor expired (`limit_reached`)."

resource = Resource(
    "keys",
    "/admin/keys",
    "Manage API keys. Requires the role ADMIN, or a key with the scope `keys`, which cannot manage keys with scopes that it "
    "lacks.",
    PARTS,
)
KeysQuery: Any = list_query()


@resource.endpoint(
    "POST",
    "",
    scope="keys",
    body=CreateKeySchema,
    returns=NewApiKeySchema,
    status=201,
    errors={
        404: "The user of `actsAs` does not exist (`not_found`).",
        409: f"{TOO_MANY} The user of `actsAs` is deactivated (`user_inactive`).",
    },
)
def create_key(principal: Principal, body: Json) -> NewApiKey:
    """Create an API key.

    The response is the only one that contains the key (`secret`).
    """
    return actions.create_key(principal, **body)


@resource.endpoint(
    "GET",
    "",
    scope="keys",
    query=KeysQuery,
    returns=ApiKeySchema,
    many=True,
)
def list_keys(principal: Principal, query: Json) -> Page:
    """List the API keys.

    Sorted newest first. Revoked keys stay listed for 90 days.
    """
    return queries.list_keys(**query)


@resource.endpoint(
    "PATCH",
    "/<uuid:keyId>",
    scope="keys",
    body=PatchKeySchema,
    returns=ApiKeySchema,
    errors=UNKNOWN | {409: f"{REVOKED[409]} {TOO_MANY}"},
)
def update_key(principal: Principal, key_id: str, body: Json) -> ApiKey:
    """Update an API key.

    Reduced scopes are in force on every worker when the response is sent, and sockets that needed them are closed.
    """
    return actions.update_key(principal, key_id, **body)


@resource.endpoint(
    "POST",
    "/<uuid:keyId>/rotate",
    scope="keys",
    body=RotateKeySchema,
    returns=NewApiKeySchema,
    errors=UNKNOWN | REVOKED,
)
def rotate_key(principal: Principal, key_id: str, body: Json) -> NewApiKey:
    """Rotate an API key.

    Returns the key with a new `secret`; the old secret stays valid for `overlap`. If the key was rotated before and the
    secret of that time is still valid, it ends at once.
    """
    return actions.rotate_key(principal, key_id, **body)


@resource.endpoint("DELETE", "/<uuid:keyId>", scope="keys", status=204, errors=UNKNOWN)
def revoke_key(principal: Principal, key_id: str) -> None:
    """Revoke an API key.

    When the response is sent, every worker refuses both of its secrets, and its sockets are closed. Revoking it again
    changes nothing.
    """
    actions.revoke_key(principal, key_id)
