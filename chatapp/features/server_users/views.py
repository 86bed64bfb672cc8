"""REST endpoints of users for servers."""

from chatapp.core.errors import Json
from chatapp.core.identity import Principal
from chatapp.core.pagination import Page, list_query
from chatapp.core.references import PATH_SCHEMA, external_id_in_path, reference_in_path
from chatapp.features.server_users import actions, queries
from chatapp.features.server_users.schemas import (
    BatchMetaSchema,
    BatchSchema,
    LookupSchema,
    PatchUserSchema,
    PresenceRequestSchema,
    PresentUserSchema,
    UnreadCountsSchema,
    UnreadRequestSchema,
    UserFilter,
)
from chatapp.features.users.schemas import PutUserSchema
from chatapp.representations.user import ServerUser, ServerUserSchema
from chatapp.rest.resource import Batch, Resource

USER = {
    "description": "A UUID, or `ext:` and the external id, percent-encoded.",
    "schema": PATH_SCHEMA,
    "example": "ext:4711",
}
# Not `lookup`: a user with this external id is `ext:lookup` here.
USER_PATH = "/<reference(lookup):user>"

users = Resource("server users", "/server/users", "Users of your app.", {"user": USER})
others = Resource("server presence", "/server", "Presence and unread messages of users of your app.")

TAKEN = "The username is taken (`username_taken`). The email address is taken (`email_taken`)."
LAST_ADMIN = "The user is the last active ADMIN of the server (`last_admin`)."
NOT_FOUND = {404: "The user does not exist (`not_found`)."}
ERASING = "A job is erasing the user (`job_running`)."


class UsersQuery(UserFilter, list_query()):  # type: ignore[misc]
    """Filters and page of the list of users."""


@users.endpoint(
    "PUT",
    "/<user>",
    body=PutUserSchema,
    returns=ServerUserSchema,
    also={201: "The user was created."},
    scope="users",
    errors={409: f"{TAKEN} {LAST_ADMIN}"},
)
def put_user(principal: Principal, user: str, body: Json) -> tuple[ServerUser, int]:
    """Create or update the user with an external id.

    The path has the external id, with or without `ext:`; a UUID is taken as an external id too.

    Absent fields of an existing user stay as they are, null clears a field, and `data` and `privateData` are replaced as a
    whole. Without a `username`, a new user gets one that is made from the `displayName`. Setting `role`, or changing a user
    whose role is not USER, also requires the scope `admin`. Two calls at once create one user.
    """
    stored, created = actions.put_user(principal, external_id_in_path(user, "user"), **body)
    return stored, 201 if created else 200


@users.endpoint(
    "POST",
    "",
    body=BatchSchema,
    returns=ServerUserSchema,
    many=True,
    meta=BatchMetaSchema,
    scope="users",
    errors={409: f"{TAKEN} {LAST_ADMIN} The response names the user at fault."},
)
def put_users(principal: Principal, body: Json) -> Batch:
    """Create or update up to 100 users.

    All users or none are stored. `errors` names the field of the user at fault, for example `users.3.avatar`. Returns the
    users in the order of the request.
    """
    return Batch(*actions.put_users(principal, **body))


@users.endpoint(
    "GET",
    "",
    query=UsersQuery,
    returns=ServerUserSchema,
    many=True,
    scope="users:read",
    errors={
        400: "The cursor was not issued for this list and query (`cursor_invalid`).",
        414: "The query is too long: ask for fewer external ids at a time (`uri_too_long`).",
    },
)
def list_users(principal: Principal, query: Json) -> Page:
    """List users.

    Returns the users that match all filters, most recently created first. Erased users are not listed.
    """
    return queries.list_users(**query)


@users.endpoint("POST", "/lookup", body=LookupSchema, returns=ServerUserSchema, many=True, scope="users:read")
def look_up_users(principal: Principal, body: Json) -> Page:
    """Get users by external id.

    Returns the users in the order of the request. Unknown external ids are left out.
    """
    return queries.look_up(**body)


@users.endpoint("GET", USER_PATH, returns=ServerUserSchema, scope="users:read", errors=NOT_FOUND)
def get_server_user(principal: Principal, user: str) -> ServerUser:
    """Get a user by UUID or external id.

    Includes what other users do not see.
    """
    return queries.read_user(reference_in_path(user))


@users.endpoint(
    "PATCH",
    USER_PATH,
    body=PatchUserSchema,
    returns=ServerUserSchema,
    scope="users",
    errors=NOT_FOUND | {409: f"{TAKEN} The external id is taken (`external_id_taken`). {LAST_ADMIN} {ERASING}"},
)
def update_server_user(principal: Principal, user: str, body: Json) -> ServerUser:
    """Update a user.

    Absent fields stay as they are, null clears a field. An existing account gets its `externalId` by this operation.
    `isActive: false` deactivates the user: their sessions end and their sockets close. Setting `role`, or changing a user
    whose role is not USER, also requires the scope `admin`.
    """
    return actions.update_user(principal, reference_in_path(user), **body)


@users.endpoint(
    "POST", "/<user>/deactivate", scope="users", status=204, errors=NOT_FOUND | {409: f"{LAST_ADMIN} {ERASING}"}
)
def deactivate_user(principal: Principal, user: str) -> None:
    """Deactivate a user.

    Ends all their sessions and closes their sockets. Their messages stay. Repeating it changes nothing.
    """
    actions.update_user(principal, reference_in_path(user), is_active=False)


@users.endpoint("POST", "/<user>/reactivate", scope="users", status=204, errors=NOT_FOUND | {409: ERASING})
def reactivate_user(principal: Principal, user: str) -> None:
    """Reactivate a user.

    The user can log in again. Repeating it changes nothing.
    """
    actions.update_user(principal, reference_in_path(user), is_active=True)


@others.endpoint(
    "POST", "/presence", body=PresenceRequestSchema, returns=PresentUserSchema, many=True, scope="users:read"
)
def list_presence(principal: Principal, body: Json) -> Page:
    """Get the presence of up to 1,000 users.

    Unknown users are left out.
    """
    return queries.list_presence(body["user_ids"])


@others.endpoint("POST", "/unread", body=UnreadRequestSchema, returns=UnreadCountsSchema, many=True, scope="users:read")
def count_unread(principal: Principal, body: Json) -> Page:
    """Count the unread messages of up to 100 users.

    Unknown users are left out.
    """
    return queries.count_unread(body["user_ids"])
