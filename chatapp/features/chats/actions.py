"""Actions on chats and their members.

Every change of a group first takes the group's advisory lock, so that the rules about its administrators hold under
concurrency.
"""

from datetime import timedelta
from typing import Any

import gevent
from sqlalchemy import Connection, exists, select, text

from chatapp import representations
from chatapp.core import audit, settings
from chatapp.core.errors import Conflict, Forbidden, Invalid, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.permissions import require
from chatapp.core.turns import in_turn
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.chats import changes, queries
from chatapp.features.chats.changes import MAX_DELETED_AT_ONCE, ChangingChat
from chatapp.features.chats.permissions import PERMISSIONS, ChatPermission, Membership
from chatapp.models import Member
from chatapp.models.enums import ChatType, MemberRole

NO_MEMBER = "Member not found."
# The pause in seconds between two transactions that delete messages.
PURGE_PAUSE = 0.05
# Deletes messages of a deleted group, and at last the group. Returns an id until none is left.
_PURGE = text(
    """
    WITH chat AS (SELECT id FROM chats WHERE is_deleted LIMIT 1 FOR UPDATE SKIP LOCKED), message AS (
        DELETE FROM messages WHERE id IN (
            SELECT id FROM messages WHERE chat_id = (SELECT id FROM chat) ORDER BY seq LIMIT :limit
        ) RETURNING id
    ), gone AS (
        DELETE FROM chats c USING chat WHERE c.id = chat.id AND NOT EXISTS (SELECT FROM message)
    )
    SELECT id FROM chat
    """
)
# A worker that was disconnected for longer replays nothing and emits `resync` instead.
KEEP_CHANGES = timedelta(days=1)
_PRUNE = text(
    """
    DELETE FROM chat_changes WHERE (chat_id, rev) IN (
        SELECT chat_id, rev FROM chat_changes WHERE created_at < now() - CAST(:age AS interval) LIMIT :limit
    )
    """
)


def create_direct_chat(actor: Actor, *, user_id: str) -> tuple[representations.ChatDetail, bool]:
    """The direct chat of the actor and `user_id`, and whether it is new; there is never more than one per pair.

    Raises Invalid for a chat with oneself; and for a new one, NotFound for a user who is unknown, deactivated, or not
    reachable for the actor, and Forbidden (`you_blocked`).
    """
    if user_id == actor.user_id:
        raise Invalid("A direct chat needs two users.", errors={"userId": ["Must be someone else."]})
    with unit_of_work() as work:
        chat_id, created = changes.open_direct_chat(work, [actor.user_id, user_id], by_id=actor.user_id)
        if created:
            audit.record_acting(work.db, actor, "chat.created", ("chat", chat_id), userId=user_id)
        return queries.chat_detail(work.db, actor, chat_id), created


def create_group(actor: Actor, *, member_ids: list[str], **about: Any) -> representations.ChatDetail:
    """Create a group of these members and the actor, who becomes its ADMIN.

    Raises NotFound for an unknown user and for one who blocks the actor, Forbidden (`chat_data_managed`) for `data` that only
    servers may set.
    """
    _require_own_data(about)
    invited = sorted(set(member_ids) - {actor.user_id})
    with unit_of_work() as work:
        queries.require_addable(work.db, actor.user_id, invited)
        roles = {actor.user_id: MemberRole.ADMIN} | dict.fromkeys(invited, MemberRole.MEMBER)
        chat_id = changes.create_group(work, roles, **about) or ""
        audit.record_acting(work.db, actor, "chat.created", ("chat", chat_id))
        return queries.chat_detail(work.db, actor, chat_id)


@in_turn
def update_chat(actor: Actor, chat_id: str, **values: Any) -> representations.Chat:
    """Change a group's `name`, `description`, `avatar` or `data`; returns the `Chat` for the actor.

    Like every change of a group, raises NotFound for non-members, Conflict (`not_a_group`) for a direct chat, Forbidden
    if the actor is not an ADMIN, or (`chat_data_managed`) for `data` that only servers may set.
    """
    with unit_of_work() as work:
        group = _take_turn(work, actor, chat_id, ChatPermission.UPDATE)
        _require_own_data(values)
        if changed := group.update(values):
            audit.record_acting(work.db, actor, "chat.updated", ("chat", chat_id), fields=sorted(changed))
        return queries.chat_seen(work.db, actor, chat_id)


@in_turn
def delete_chat(actor: Actor, chat_id: str) -> None:
    """Delete a group with all its messages."""
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.DELETE).delete()
        audit.record_acting(work.db, actor, "chat.deleted", ("chat", chat_id))


@in_turn
def add_member(actor: Actor, chat_id: str, *, user_id: str) -> representations.Member:
    """Add a user to a group; returns the new `Member`.

    New members can read the history, and none of it is unread. Raises NotFound for an unknown user and for one who blocks the
    actor, Conflict for a member, Conflict (`group_full`) beyond `MAX_GROUP_MEMBERS`.
    """
    with unit_of_work() as work:
        group = _take_turn(work, actor, chat_id, ChatPermission.ADD_MEMBERS)
        queries.require_addable(work.db, actor.user_id, [user_id], chat_id)
        if queries.members(work.db, chat_id, [user_id]):
            raise Conflict("The user is already a member of this group.")
        group.add([user_id])
        audit.record_acting(work.db, actor, "member.added", ("chat", chat_id), userId=user_id)
        return queries.member_seen(work.db, actor, chat_id, user_id)


@in_turn
def remove_member(actor: Actor, chat_id: str, user_id: str) -> None:
    """Remove a member from a group, oneself as by leaving; raises NotFound for non-members."""
    with unit_of_work() as work:
        if not _take_turn(work, actor, chat_id, ChatPermission.REMOVE_MEMBERS).remove([user_id]):
            raise NotFound(NO_MEMBER)
        audit.record_acting(work.db, actor, "member.removed", ("chat", chat_id), userId=user_id)


@in_turn
def leave(actor: Actor, chat_id: str) -> None:
    """Leave a group. The longest-standing member succeeds its last ADMIN; the last member deletes it."""
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.LEAVE).remove([actor.user_id])
        audit.record_acting(work.db, actor, "member.left", ("chat", chat_id), userId=actor.user_id)


@in_turn
def set_member_role(actor: Actor, chat_id: str, user_id: str, *, role: str) -> representations.Member:
    """Set a member's role to MEMBER or ADMIN; returns the `Member`.

    Raises NotFound for non-members, Conflict (`last_admin`) for demoting the only ADMIN.
    """
    with unit_of_work() as work:
        group = _take_turn(work, actor, chat_id, ChatPermission.SET_ROLES)
        member = queries.members(work.db, chat_id, [user_id]).get(user_id)
        if member is None:
            raise NotFound(NO_MEMBER)
        if member["role"] == role:
            return queries.member_seen(work.db, actor, chat_id, user_id)
        others = exists().where(Member.chat_id == chat_id, Member.role == MemberRole.ADMIN, Member.user_id != user_id)
        if role != MemberRole.ADMIN and not work.db.scalar(select(others)):
            raise Conflict("The group needs an ADMIN. Promote another member first.", code="last_admin")
        audit.record_acting(work.db, actor, "member.updated", ("chat", chat_id), userId=user_id, role=role)
        group.set_role(user_id, role)
        return queries.member_seen(work.db, actor, chat_id, user_id)


def _take_turn(work: UnitOfWork, actor: Actor, chat_id: str, permission: ChatPermission) -> ChangingChat:
    """Check the permission, and lock the group against other changes until the end of the transaction."""
    changes.take_turn(work, chat_id)
    require_in_group(work.db, actor, chat_id, permission)
    return ChangingChat(work, chat_id, actor.user_id)


def require_in_group(db: Connection, actor: Actor, chat_id: str, permission: ChatPermission) -> None:
    """Raise NotFound for non-members, Conflict (`not_a_group`) for a direct chat, Forbidden without the permission."""
    membership: Membership | None = queries.membership(db, actor, chat_id)
    if membership and membership.visible and membership.type != ChatType.GROUP:
        raise Conflict("This is only possible in groups.", code="not_a_group")
    require(PERMISSIONS, permission, actor, membership)


def _require_own_data(values: Json) -> None:
    if "data" in values and settings.current().chat_data_managed:
        raise Forbidden("The app of this server manages the data of chats.", code="chat_data_managed")


def prune_changes(limit: int) -> int:
    """Delete up to `limit` changes older than `KEEP_CHANGES`; returns how many were deleted."""
    with unit_of_work() as work:
        return int(work.db.execute(_PRUNE, {"age": KEEP_CHANGES, "limit": limit}).rowcount)


def purge_deleted_groups() -> None:
    """Delete the rest of large deleted groups in portions (a job)."""
    while True:
        with unit_of_work(single=True) as work:
            if work.db.execute(_PURGE, {"limit": MAX_DELETED_AT_ONCE}).scalar() is None:
                return
        gevent.sleep(PURGE_PAUSE)
