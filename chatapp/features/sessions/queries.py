"""Queries of sessions."""

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.identity import Actor, Principal
from chatapp.core.pagination import Listing, Page
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
    SELECT {SESSION}, {LAST_USED_AT}::text, s.id::text FROM sessions s
    WHERE s.user_id = :user_id AND s.ended_at IS NULL AND {EXPIRES_AT} > now()
    AND ({LAST_USED_AT}, s.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))
    ORDER BY {LAST_USED_AT} DESC, s.id DESC LIMIT :limit
    """
)
_LATEST = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")


def find_actors(session_ids: list[str]) -> list[Actor | None]:
    """The actors of these sessions, None for an ended session or a deactivated account."""
    actors = [Actor(*row) for row in _ACTORS.read({"session_ids": array(session_ids)})]
    found = {actor.session_id: actor for actor in actors}
    return [found.get(session_id) for session_id in session_ids]


def list_sessions(actor: Actor, *, limit: int, cursor: str | None = None) -> Page:
    """The actor's sessions, last used first."""
    with reading() as db:
        return _list(db, actor.user_id, actor.session_id, limit, cursor)


def list_sessions_of(principal: Principal, user: Reference, *, limit: int, cursor: str | None = None) -> Page:
    """The sessions of a user, last used first; raises NotFound, Forbidden (`scope_missing`)."""
    with reading() as db:
        return _list(db, find_target(db, principal, user).id, None, limit, cursor)


def find_target(db: Connection, principal: Principal, user: Reference) -> FoundUser:
    """The user whose sessions a server opens, lists or ends; raises NotFound, Conflict (`job_running`) for one who is
    being erased, and Forbidden (`scope_missing`) for a role other than USER without the scope `admin`."""
    found = find_user_to_change(db, user)
    require_admin_scope(principal, found.role)
    return found


def _list(db: Connection, user_id: str, current: str | None, limit: int, cursor: str | None) -> Page:
    listing = Listing("sessions", user_id)
    at, id = listing.start(cursor) or _LATEST
    row = {"user_id": user_id, "current": current, "at": at, "id": id, "limit": limit + 1}
    return listing.page([(session, place) for session, *place in db.execute(_LIST, row)], limit)
