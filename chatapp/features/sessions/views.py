"""REST endpoints of sessions: the caller's own, and those of any user for servers."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor, Principal
from chatapp.core.pagination import Page, list_query
from chatapp.core.references import PATH_SCHEMA, reference_in_path
from chatapp.features.sessions import actions, queries
from chatapp.features.sessions.schemas import RevokeSchema, SessionSchema
from chatapp.rest.resource import Resource

USER: Json = {
    "description": "The id of the user, or `ext:` and the id in your app, percent-encoded.",
    "schema": PATH_SCHEMA,
    "example": "ext:4711",
}
NO_SESSION = {404: "The session does not exist, has ended, or is one of another user (`not_found`)."}
NO_USER = {404: "The user does not exist (`not_found`)."}
ERASING = {409: "A job is erasing the user (`job_running`)."}

PARTS: dict[str, Json] = {"user": USER, "sessionId": {"description": "The id of the session."}}

resource = Resource("sessions", "/auth", "The sessions of the caller.", PARTS)
server = Resource("server sessions", "/server/users", "Sessions of any user, for servers.", PARTS)


@resource.endpoint("GET", "/sessions", query=list_query(), returns=SessionSchema, many=True)
def list_sessions(actor: Actor, query: Json) -> Page:
    """List the caller's sessions.

    Last used first. A user has at most 100 sessions: a further one ends the least recently used one.
    """
    return queries.list_sessions(actor, **query)


@resource.endpoint("DELETE", "/sessions/<uuid:sessionId>", status=204, errors=NO_SESSION)
def end_session(actor: Actor, session_id: str) -> None:
    """End a session.

    Its tokens are no longer accepted, and its sockets close, as by logging out.
    """
    actions.end_session(actor, session_id)


@resource.endpoint("DELETE", "/sessions", status=204)
def end_other_sessions(actor: Actor) -> None:
    """End all other sessions.

    Ends all sessions of the caller except the one of the request.
    """
    actions.end_other_sessions(actor)


@server.endpoint(
    "GET",
    "/<user>/sessions",
    scope="tokens:revoke",
    query=list_query(),
    returns=SessionSchema,
    many=True,
    errors=NO_USER | ERASING,
)
def list_sessions_of_user(principal: Principal, user: str, query: Json) -> Page:
    """List the sessions of a user.

    Last used first. A user whose role is not USER requires the scope `admin` too.
    """
    return queries.list_sessions_of(principal, reference_in_path(user), **query)


@server.endpoint(
    "DELETE",
    "/<user>/sessions/<uuid:sessionId>",
    scope="tokens:revoke",
    status=204,
    errors={404: "The user does not exist, or has no such session (`not_found`)."} | ERASING,
)
def end_session_of_user(principal: Principal, user: str, session_id: str) -> None:
    """End a session of a user.

    Its tokens are no longer accepted on any worker, and its sockets are closed. A user whose role is not USER requires the
    scope `admin` too.
    """
    actions.end_session_of(principal, reference_in_path(user), session_id)


@server.endpoint("DELETE", "/<user>/sessions", scope="tokens:revoke", status=204, errors=NO_USER | ERASING)
def end_sessions_of_user(principal: Principal, user: str) -> None:
    """End all sessions of a user.

    A user whose role is not USER requires the scope `admin` too. `POST …/revoke-tokens` also refuses tokens of your app
    that have not opened a session yet.
    """
    actions.end_sessions_of(principal, reference_in_path(user))


@server.endpoint(
    "POST",
    "/<user>/revoke-tokens",
    scope="tokens:revoke",
    body=RevokeSchema,
    status=204,
    errors=NO_USER | ERASING,
)
def revoke_tokens(principal: Principal, user: str, body: Json) -> None:
    """Revoke the tokens of a user.

    Ends the sessions that were opened before `before`. Tokens of your app that were issued (`iat`) until then are refused,
    and from now on those without `iat`. A user whose role is not USER requires the scope `admin` too.
    """
    actions.revoke_tokens(principal, reference_in_path(user), **body)
