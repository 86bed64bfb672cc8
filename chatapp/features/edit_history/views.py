"""REST endpoint of the versions of a message."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, list_query
from chatapp.features.edit_history import queries
from chatapp.features.edit_history.schemas import MessageVersionSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {"messageId": {"description": "A message of a chat of which the caller is a member."}}

resource = Resource("edit history", "/messages", "List the earlier texts of edited messages.", PARTS)


@resource.endpoint(
    "GET",
    "/<uuid:messageId>/versions",
    query=list_query(),
    returns=MessageVersionSchema,
    many=True,
    errors=NOT_VISIBLE
    | {
        403: "Only ADMINs of the group and moderators can read earlier texts on this server (`forbidden`).",
        409: "The message was deleted (`message_deleted`).",
    },
)
def list_versions(actor: Actor, message_id: str, query: Json) -> Page:
    """List the versions of a message.

    Oldest first, the current text last. `EDIT_HISTORY` of the server decides who can read earlier texts: all `members`,
    or only `admins`: the ADMINs of a group, both users of a direct chat, and moderators who are members. With `off` the
    list has only the current text. A message can be edited 100 times; its deletion erases all versions.
    """
    return queries.list_versions(actor, message_id, **query)
