"""Actions on accounts."""

from chatapp.core import audit
from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor
from chatapp.core.permissions import require
from chatapp.core.references import Reference
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.admin import queries
from chatapp.features.admin.permissions import PERMISSIONS, Server, ServerPermission
from chatapp.features.admin.schemas import Account
from chatapp.features.sessions.actions import end_sessions
from chatapp.features.users.actions import change_user, take_administrators_turn
from chatapp.features.users.queries import lock_user


def update_account(actor: Actor, user_id: str, **changes: str | bool) -> Account:
    """Change an account's `role`, or whether it `is_active`; returns the account.

    Deactivating it ends all its sessions. Raises Forbidden, NotFound, and Conflict (`last_admin`) for a change that
    would leave the server without an active administrator.
    """
    require(PERMISSIONS, ServerPermission.UPDATE_USERS, actor, Server())
    with unit_of_work() as work:
        take_administrators_turn(work)
        user = lock_user(work.db, Reference(user_id), changes)
        if user is None:
            raise NotFound("User not found.")
        changed = change_user(work, audit.principal_of(actor), user, changes)
        if "is_active" in changed and not changes["is_active"]:
            end_sessions(work, user_id)
        return queries.account(work.db, actor, user_id)
