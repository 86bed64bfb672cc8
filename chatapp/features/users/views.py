"""REST endpoints of profiles and user search."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.features.users import actions, queries
from chatapp.features.users.schemas import MeSchema, PatchMeSchema, SearchQuery, UserSchema
from chatapp.rest.resource import Resource

USERNAME = {
    "description": "The username, in any case.",
    "schema": {"type": "string", "minLength": 3, "maxLength": 20, "pattern": "^[A-Za-z0-9_]{3,20}$"},
    "example": "alice",
}

resource = Resource("users", "/users", "Profiles and user search.", {"username": USERNAME})


class SearchPageQuery(SearchQuery, page_query(int, str)):  # type: ignore[misc]
    """Search text and page of the results."""


@resource.endpoint("GET", "/me", returns=MeSchema)
def get_me(actor: Actor) -> Json:
    """Get the caller's account.

    Includes the email address and the role, which other users do not see.
    """
    return queries.read_me(actor)


@resource.endpoint(
    "PATCH", "/me", body=PatchMeSchema, returns=MeSchema, errors={409: "The username is taken (`username_taken`)."}
)
def update_me(actor: Actor, body: Json) -> Json:
    """Update the caller's profile.

    Changes the username or the avatar. Absent fields stay as they are; an avatar of null removes the picture.
    """
    return actions.update_me(actor, **body)


@resource.endpoint("GET", "/search", query=SearchPageQuery, returns=UserSchema, many=True)
def search_users(actor: Actor, query: Json) -> Page:
    """Search users by username.

    Finds usernames that contain `q`, regardless of case; there are no wildcards. Usernames that start with `q` come
    first. A `q` of one or two characters matches only the start of usernames.
    """
    return queries.search_users(actor, **query)


@resource.endpoint(
    "GET", "/<username>", returns=UserSchema, errors={404: "The user does not exist or is deactivated (`not_found`)."}
)
def get_user(actor: Actor, username: str) -> Json:
    """Get a user by username.

    The username is matched regardless of case. Deactivated users are not found.
    """
    return queries.read_user(actor, username)
