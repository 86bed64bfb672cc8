"""Erasure of users, over REST."""

from chatapp.core.errors import Json
from chatapp.core.identity import Principal
from chatapp.core.references import PATH_SCHEMA, reference_in_path
from chatapp.features.erasure import actions
from chatapp.features.erasure.schemas import EraseQuery
from chatapp.representations.job import Job, JobSchema
from chatapp.rest.resource import Resource

USER = {
    "description": "A UUID, or `ext:` and the external id, percent-encoded.",
    "schema": PATH_SCHEMA,
    "example": "ext:4711",
}

resource = Resource("erasure", "/server/users", "Erasure of users.", {"user": USER})


@resource.endpoint(
    "DELETE",
    "/<reference(lookup):user>",
    query=EraseQuery,
    returns=JobSchema,
    status=202,
    scope="users",
    errors={
        404: "The user does not exist, or was erased (`not_found`).",
        409: "The user is the last active ADMIN of the server (`last_admin`).",
    },
)
def erase_user(principal: Principal, user: str, query: Json) -> Job:
    """Erase a user.

    The account is deactivated and loses its name, external id, email address and data at once; these are free for another
    user. A job then removes the user from all groups, deletes what the server has of them, and with `messages=erase` their
    messages. Direct chats stay with the other user, who can't send there any more. Repeating the request while the job
    runs returns the same job; use the UUID.
    """
    return actions.erase_user(principal, reference_in_path(user), **query)
