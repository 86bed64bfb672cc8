"""Queries of sessions."""

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.identity import Actor, Principal
from chatapp.core.pagination import Page
from chatapp.core.permissions import require_admin_scope
from chatapp.core.prepared import Prepared, array
from chatapp.core.references import Reference
from chatapp.features.sessions.schemas import EXPIRES_AT, LAST_USED_AT, SESSION
from chatapp.features.users.queries import FoundUser, find_user_to_change

MAX_SESSIONS = 100

_ACTORS = Prepared(
    "actors",
    """
    SELECT u.id::text, s.id::text, u.username, u.avatar, u.role
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.id = ANY(CAST(:session_ids AS uuid[])) AND s.ended_at IS NULL AND u.is_active
    """,
)
_LIST = text(
    f"""
    SELECT {SESSION} FROM sessions s WHERE s.user_id = :user_id AND s.ended_at IS NULL AND {EXPIRES_AT} > now()
    ORDER BY {LAST_USED_AT} DESC, s.id DESC LIMIT {MAX_SESSIONS}
    """
)


def find_actors(session_ids: list[str]) -> list[Actor | None]:
    """The actors of these sessions, None for an ended session or a deactivated account."""
    actors = [Actor(*row) for row in _ACTORS.read({"session_ids": array(session_ids)})]
    found = {actor.session_id: actor for actor in actors}
    return [found.get(session_id) for session_id in session_ids]


def list_sessions(actor: Actor) -> Page:
    """The actor's sessions, last used first."""
    with reading() as db:
        return _list(db, actor.user_id, actor.session_id)


def list_sessions_of(principal: Principal, user: Reference) -> Page:
    """The sessions of a user, last used first; raises NotFound, Forbidden (`scope_missing`)."""
    with reading() as db:
        return _list(db, find_target(db, principal, user).id, None)


def find_target(db: Connection, principal: Principal, user: Reference) -> FoundUser:
    """The user whose sessions a server opens, lists or ends; raises NotFound, Conflict (`job_running`) for one who is
    being erased, and Forbidden (`scope_missing`) for a role other than USER without the scope `admin`."""
    found = find_user_to_change(db, user)
    require_admin_scope(principal, found.role)
    return found


def _list(db: Connection, user_id: str, current: str | None) -> Page:
    return Page(list(db.scalars(_LIST, {"user_id": user_id, "current": current})), None)
