"""REST endpoints of profiles and user search."""

import uuid

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.features.users import actions, queries
from chatapp.features.users.schemas import PatchMeSchema, SearchQuery
from chatapp.representations.user import Me, MeSchema, User, UserSchema
from chatapp.rest.resource import Resource

USERNAME = {
    "description": "The username, in any case.",
    "schema": {"type": "string", "minLength": 3, "maxLength": 20, "pattern": "^[A-Za-z0-9_]{3,20}$"},
    "example": "alice",
}

resource = Resource("users", "/users", "Profiles and user search.", {"username": USERNAME})


class SearchPageQuery(SearchQuery, page_query(int, str, uuid.UUID)):  # type: ignore[misc]
    """Search text and page of the results."""


@resource.endpoint("GET", "/me", returns=MeSchema)
def get_me(actor: Actor) -> Me:
    """Get the caller's account.

    Includes the email address and the role, which other users do not see.
    """
    return queries.read_me(actor)


@resource.endpoint(
    "PATCH",
    "/me",
    body=PatchMeSchema,
    returns=MeSchema,
    errors={
        403: "The app of this server manages profiles (`profile_managed`).",
        409: "The username is taken (`username_taken`).",
    },
)
def update_me(actor: Actor, body: Json) -> Me:
    """Update the caller's profile.

    Absent fields stay as they are, null clears a field, and `data` is replaced as a whole.
    """
    return actions.update_me(actor, **body)


@resource.endpoint("GET", "/search", query=SearchPageQuery, returns=UserSchema, many=True)
def search_users(actor: Actor, query: Json) -> Page:
    """Search users by name.

    Finds users whose `username` or `displayName` contains `q`, regardless of case; there are no wildcards. First come
    usernames that begin with `q`, then those that contain it, then display names in which a word begins with `q`, then those
    that contain it. A `q` of one or two characters matches only the start of usernames and of words of display names. Leaves
    out users who block the caller or whom the caller blocks, and those who are not `findable`, unless they share a chat with
    the caller.
    """
    return queries.search_users(actor, **query)


@resource.endpoint(
    "GET",
    "/<username>",
    returns=UserSchema,
    errors={404: "The user does not exist, is deactivated, or is not visible to the caller (`not_found`)."},
)
def get_user(actor: Actor, username: str) -> User:
    """Get a user by username.

    The username is matched regardless of case. Deactivated users are not found, nor are those whom `GET /users/search` leaves
    out.
    """
    return queries.read_user(actor, username)
