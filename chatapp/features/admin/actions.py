"""Actions on accounts."""

from sqlalchemy import exists, func, select, text, update

from chatapp.core.errors import Conflict, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.permissions import require
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.admin import queries
from chatapp.features.admin.permissions import PERMISSIONS, Server, ServerPermission
from chatapp.features.auth.events import SessionEnded
from chatapp.features.users.events import AccountChanged
from chatapp.models import Session, User
from chatapp.models.enums import UserRole

# One change at a time, so that two administrators can't demote each other.
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtext('chatapp administrators'))")


def update_account(actor: Actor, user_id: str, **changes: str | bool) -> Json:
    """Change an account's `role`, or whether it `is_active`; returns the account.

    Deactivating it ends all its sessions. Raises Forbidden, NotFound, and Conflict (`last_admin`) for a change that
    would leave the server without an active administrator.
    """
    require(PERMISSIONS, ServerPermission.UPDATE_USERS, actor, Server())
    with unit_of_work() as work:
        work.db.execute(_TAKE_TURN)
        before = queries.account(work.db, actor, user_id)
        if before is None:
            raise NotFound("User not found.")
        others = exists().where(User.role == UserRole.ADMIN, User.is_active, User.id != user_id)
        remains = changes.get("role", before["role"]) == UserRole.ADMIN and changes.get("is_active", before["isActive"])
        if not remains and not work.db.scalar(select(others)):
            raise Conflict("The server needs an active ADMIN. Promote another user first.", code="last_admin")
        if changes:
            work.db.execute(update(User).where(User.id == user_id).values(**changes))
            work.announce(AccountChanged(user_id))
        if changes.get("is_active") is False:
            open_sessions = (Session.user_id == user_id) & Session.ended_at.is_(None)
            ended = update(Session).where(open_sessions).values(ended_at=func.now()).returning(Session.id)
            for session_id in work.db.scalars(ended):
                work.announce(SessionEnded(session_id, user_id))
        return before | (queries.account(work.db, actor, user_id) or {})
