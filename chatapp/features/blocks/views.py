"""REST endpoints of blocks."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, list_query
from chatapp.features.blocks import actions, queries
from chatapp.features.blocks.schemas import BlockedUserSchema
from chatapp.rest.resource import Resource

PARTS = {"userId": {"description": "Another user."}}

resource = Resource("blocks", "/users/me/blocks", "Block other users.", PARTS)
ONESELF = {422: "The user is the caller (`validation_error`)."}


@resource.endpoint("GET", "", query=list_query(), returns=BlockedUserSchema, many=True)
def list_blocks(actor: Actor, query: Json) -> Page:
    """List the users whom the caller blocks.

    Last blocked first.
    """
    return queries.list_blocks(actor, **query)


@resource.endpoint(
    "PUT",
    "/<uuid:userId>",
    status=204,
    errors=ONESELF
    | {
        404: "The user does not exist (`not_found`).",
        409: "The caller blocks 1,000 users (`limit_reached`).",
    },
)
def block_user(actor: Actor, user_id: str) -> None:
    """Block a user.

    Takes effect in both directions: neither can send in the direct chat of the two, opens a new one, gets presence,
    typing or the profile of the other, or finds them by name. In groups nothing changes, but the blocked user cannot add
    the caller to one, and does not mention the caller. The blocked user gets no event. Blocking them again changes nothing.
    """
    actions.block(actor, user_id)


@resource.endpoint(
    "DELETE", "/<uuid:userId>", status=204, errors=ONESELF | {404: "The `userId` is not a UUID (`not_found`)."}
)
def unblock_user(actor: Actor, user_id: str) -> None:
    """Unblock a user.

    Succeeds also without a block.
    """
    actions.unblock(actor, user_id)
