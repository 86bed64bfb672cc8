"""People, over REST."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.rest.door import Door
from chatapp.users import actions, queries
from chatapp.users.schemas import MeSchema, PatchMeSchema, SearchQuery, UserSchema

USERNAME = {
    "description": "The name of a person, in any case.",
    "schema": {"type": "string", "minLength": 3, "maxLength": 20, "pattern": "^[A-Za-z0-9_]{3,20}$"},
    "example": "alice",
}

door = Door("users", "/users", "People: profiles and search.", {"username": USERNAME})


class SearchPageQuery(SearchQuery, page_query(int, str)):  # type: ignore[misc]
    """What to look for, and which page of it."""


@door.endpoint("GET", "/me", returns=MeSchema)
def get_me(actor: Actor) -> Json:
    """The caller's own account.

    Beside what others see of them, it has their address and their role.
    """
    return queries.read_me(actor)


@door.endpoint(
    "PATCH", "/me", body=PatchMeSchema, returns=MeSchema, errors={409: "The name is taken (`username_taken`)."}
)
def update_me(actor: Actor, body: Json) -> Json:
    """Change the caller's username or avatar.

    What the body does not name stays as it is; an avatar of null takes the picture away.
    """
    return actions.update_me(actor, **body)


@door.endpoint("GET", "/search", query=SearchPageQuery, returns=UserSchema, many=True)
def search_users(actor: Actor, query: Json) -> Page:
    """Find people by a part of their username.

    Case does not matter, and every character of `q` stands for itself. Those whose name begins with it come first; one
    or two letters match only the beginning of names.
    """
    return queries.search_users(actor, **query)


@door.endpoint("GET", "/<username>", returns=UserSchema, errors={404: "There is no such user (`not_found`)."})
def get_user(actor: Actor, username: str) -> Json:
    """A person by their username.

    Case does not matter. Of a deactivated account nothing is told.
    """
    return queries.read_user(actor, username)
