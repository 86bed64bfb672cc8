"""Queries of accounts."""

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page
from chatapp.core.permissions import require
from chatapp.features.admin.permissions import PERMISSIONS, Server, ServerPermission
from chatapp.features.admin.schemas import Account
from chatapp.features.users.queries import IS_ACCOUNT, like_pattern
from chatapp.models.user import USERNAME_KEY
from chatapp.representations.user import visible_to_reader

# Administrators see no more of a user's presence than other users.
_ACCOUNT = visible_to_reader(Account)
_ONE = text(f"SELECT {_ACCOUNT} FROM users u WHERE u.id = :id")
_LIST = text(
    f"""
    SELECT {_ACCOUNT}, {USERNAME_KEY} AS key FROM users u
    WHERE ({USERNAME_KEY} LIKE :pattern OR lower(u.email) LIKE :pattern OR u.email_key LIKE :pattern)
    AND (CAST(:role AS text) IS NULL OR u.role = :role) AND {USERNAME_KEY} > :key AND {IS_ACCOUNT}
    ORDER BY {USERNAME_KEY} LIMIT :limit
    """
)


def list_accounts(actor: Actor, *, q: str | None, role: str | None, limit: int, cursor: tuple[str] | None) -> Page:
    """Accounts by username, filtered by role and by whether the name or address contains `q`; raises Forbidden."""
    require(PERMISSIONS, ServerPermission.LIST_USERS, actor, Server())
    key = cursor[0] if cursor else ""
    values = {"pattern": f"%{like_pattern((q or '').lower())}%", "role": role, "key": key, "limit": limit + 1}
    values |= {"reader_id": actor.user_id}
    with reading() as db:
        return page([(account, key) for account, *key in db.execute(_LIST, values)], limit)


def account(db: Connection, actor: Actor, user_id: str) -> Account:
    """An existing account, as an administrator sees it."""
    return db.execute(_ONE, {"id": user_id, "reader_id": actor.user_id}).scalar_one()  # type: ignore[no-any-return]
