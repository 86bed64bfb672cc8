"""Numbers the changes of users' own state. Part of the actions that change it.

Locks are taken in the order members, chats, messages, and the counter last: it is held until the commit, so that the
numbers of a user follow the order of commits.
"""

from collections.abc import Collection

from sqlalchemy import text

from chatapp.core.objects import ApiObject
from chatapp.core.unit_of_work import UnitOfWork
from chatapp.features.own_state.events import OwnStateChanged

# In the order of ids, so that two changes of several users never deadlock.
_TAKE = text(
    """
    WITH locked AS (
        SELECT id FROM users WHERE id = ANY(CAST(:user_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE users u SET me_rev = u.me_rev + 1 FROM locked WHERE u.id = locked.id RETURNING u.id::text, u.me_rev
    """
)
_LEFT = text(
    """
    INSERT INTO left_chats (user_id, chat_id, me_rev) VALUES (:user_id, :chat_id, :me_rev)
    ON CONFLICT (user_id, chat_id) DO UPDATE SET me_rev = excluded.me_rev
    """
)
_FORGET = (
    text("DELETE FROM drafts WHERE chat_id = :chat_id AND user_id = ANY(CAST(:user_ids AS uuid[]))"),
    text("DELETE FROM hidden_messages WHERE chat_id = :chat_id AND user_id = ANY(CAST(:user_ids AS uuid[]))"),
)


def take_me_rev(work: UnitOfWork, user_id: str) -> int:
    """The number of a change of the user's own state; call it after all other locks are taken."""
    return take_me_revs(work, [user_id])[user_id]


def take_me_revs(work: UnitOfWork, user_ids: Collection[str]) -> dict[str, int]:
    """Like `take_me_rev`, for several users."""
    return dict(work.db.execute(_TAKE, {"user_ids": list(user_ids)}).all())


def announce(work: UnitOfWork, user_id: str, me_rev: int, name: str | None, payload: ApiObject | None = None) -> None:
    """Announce a change to the user's sockets, as the event `name`."""
    work.announce(OwnStateChanged(user_id, me_rev, name, dict(payload or {})))


def forget(work: UnitOfWork, chat_id: str, user_ids: Collection[str]) -> None:
    """Delete what users have of a chat beside their member rows, without a change of theirs."""
    for statement in _FORGET:
        work.db.execute(statement, {"chat_id": chat_id, "user_ids": list(user_ids)})


def end_membership(work: UnitOfWork, chat_id: str, user_ids: Collection[str]) -> None:
    """Delete the own state of users who left a chat, whose member rows are deleted already."""
    forget(work, chat_id, user_ids)
    for user_id, me_rev in take_me_revs(work, user_ids).items():
        work.db.execute(_LEFT, {"user_id": user_id, "chat_id": chat_id, "me_rev": me_rev})
        announce(work, user_id, me_rev, None)
