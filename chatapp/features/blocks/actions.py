"""Actions on blocks.

A block closes the direct chat of the pair. The actions lock the pair first, as does the creation of that chat, so that
neither misses the other; then the chat, so that a send either precedes the block or finds the chat closed; and last the
rows of users.
"""

from sqlalchemy import text

from chatapp.core import audit
from chatapp.core.errors import Conflict, Invalid, NotFound
from chatapp.core.identity import Actor
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.blocks import queries
from chatapp.features.blocks.schemas import BlockChanged
from chatapp.features.chats.changes import lock_pair
from chatapp.features.own_state.changes import announce, take_me_rev
from chatapp.features.users.events import PrivacyChanged

MAX_BLOCKS = 1000
_LOCK_CHAT = text("SELECT FROM chats WHERE direct_key = :key FOR NO KEY UPDATE")
_LOCK_USERS = text("SELECT FROM users WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE")
_INSERT = text("INSERT INTO blocks (user_id, blocked_id, created_at) VALUES (:user_id, :blocked_id, clock_timestamp())")
_DELETE = text("DELETE FROM blocks WHERE user_id = :user_id AND blocked_id = :blocked_id")
_CLOSE = text(
    """
    UPDATE chats c SET is_closed = closed.is_closed FROM (
        SELECT EXISTS (SELECT FROM blocks WHERE (user_id, blocked_id) IN ((:user_id, :blocked_id), (:blocked_id, :user_id)))
               OR EXISTS (SELECT FROM users WHERE id IN (:user_id, :blocked_id) AND deleted_at IS NOT NULL) AS is_closed
    ) closed WHERE c.direct_key = :key AND c.is_closed <> closed.is_closed
    """
)
_COUNT_CHANGE = text("UPDATE users SET blocks_rev = :me_rev WHERE id = :user_id")


def block(actor: Actor, user_id: str) -> None:
    """Block a user; blocking them again changes nothing.

    When it returns, the direct chat is closed, and no worker emits presence, typing or the profile of one to the other.
    Raises Invalid for oneself, NotFound for an unknown user, Conflict (`limit_reached`).
    """
    _set_block(actor, user_id, on=True)


def unblock(actor: Actor, user_id: str) -> None:
    """Unblock a user, who may have been erased; without a block, nothing happens. Raises Invalid for oneself."""
    _set_block(actor, user_id, on=False)


def _set_block(actor: Actor, user_id: str, *, on: bool) -> None:
    if user_id == actor.user_id:
        raise Invalid("Users can't block themselves.", errors={"userId": ["Must be someone else."]})
    with unit_of_work() as work:
        key = lock_pair(work, actor.user_id, user_id)
        if queries.blocks(work.db, actor.user_id, user_id) == on:
            return
        if on and not queries.exists(work.db, user_id):
            raise NotFound("User not found.")
        _change(work, actor, user_id, key, on=on)


def _change(work: UnitOfWork, actor: Actor, user_id: str, key: str, *, on: bool) -> None:
    pair = {"user_id": actor.user_id, "blocked_id": user_id, "key": key}
    work.db.execute(_LOCK_CHAT, pair)
    # What opens a chat has to see the erasure of the other user, or precede it: the erasure closes chats that are open then.
    work.db.execute(_LOCK_USERS, {"ids": [actor.user_id] if on else [actor.user_id, user_id]})
    # One change of a user at a time has their row, so the count is exact.
    if on and queries.count(work.db, actor.user_id) >= MAX_BLOCKS:
        raise Conflict(f"A user can block up to {MAX_BLOCKS:,} others.", code="limit_reached")
    work.db.execute(_INSERT if on else _DELETE, pair)
    work.db.execute(_CLOSE, pair)
    me_rev = take_me_rev(work, actor.user_id)
    work.db.execute(_COUNT_CHANGE, {"user_id": actor.user_id, "me_rev": me_rev})
    payload: BlockChanged = {"userId": user_id, "isBlocked": on, "meRev": me_rev}
    announce(work, actor.user_id, me_rev, "me:blocked", payload)
    work.announce(PrivacyChanged([actor.user_id, user_id]))
    audit.record_acting(work.db, actor, "user.blocked" if on else "user.unblocked", ("user", user_id))
