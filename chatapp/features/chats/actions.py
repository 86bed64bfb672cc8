"""Actions on chats and their members.

Every change of a group first takes the group's advisory lock, so that the rules about its administrators hold under
concurrency. After that, locks are taken in the order of a send: member rows, then the chat's row.
"""

from datetime import timedelta
from typing import Any

import gevent
from sqlalchemy import CursorResult, Row, delete, exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chatapp.core.errors import Conflict, Invalid, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.core.permissions import require
from chatapp.core.turns import in_turn
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.chats import queries
from chatapp.features.chats.events import ChatCreated, ChatDeleted, ChatUpdated, MemberJoined, MemberLeft, MemberUpdated
from chatapp.features.chats.permissions import PERMISSIONS, ChatPermission, Membership
from chatapp.models import Chat, ChatChange, Member, User
from chatapp.models.enums import ChatType, MemberRole

MAX_GROUP_MEMBERS = 1000
# Messages deleted per transaction, and the pause in seconds between two of them.
MAX_DELETED_AT_ONCE = 1000
PURGE_PAUSE = 0.05
# Deletes messages of a deleted group, which has no members, and at last the group. Returns an id until none is left.
_PURGE = text(
    """
    WITH chat AS (SELECT id FROM chats WHERE member_count = 0 LIMIT 1 FOR UPDATE SKIP LOCKED), message AS (
        DELETE FROM messages WHERE id IN (
            SELECT id FROM messages WHERE chat_id = (SELECT id FROM chat) ORDER BY seq LIMIT :limit
        ) RETURNING id
    ), gone AS (
        DELETE FROM chats c USING chat WHERE c.id = chat.id AND NOT EXISTS (SELECT FROM message)
    )
    SELECT id FROM chat
    """
)
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:chat_id, 0))")
# Two members may join within a millisecond; then their ids decide who is longer in the group.
_HEIR = text(
    """
    UPDATE members SET role = 'ADMIN'
    WHERE chat_id = :chat_id
    AND user_id = (SELECT user_id FROM members WHERE chat_id = :chat_id ORDER BY joined_at, user_id LIMIT 1)
    AND NOT EXISTS (SELECT FROM members WHERE chat_id = :chat_id AND role = 'ADMIN')
    RETURNING user_id::text
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


def create_direct_chat(actor: Actor, *, user_id: str) -> tuple[Json, bool]:
    """The direct chat of the actor and `user_id`, and whether it is new; there is never more than one per pair.

    Raises Invalid for a chat with oneself, NotFound for a new one with an unknown or deactivated user.
    """
    if user_id == actor.user_id:
        raise Invalid("A direct chat needs two users.", errors={"userId": ["Must be someone else."]})
    pair = sorted((actor.user_id, user_id))
    with unit_of_work() as work:
        chat = upsert(Chat).values(
            id=new_id(), type=ChatType.DIRECT, direct_key=":".join(pair), member_count=2, last_rev=1
        )
        # Of two concurrent inserts one waits here for the other's commit and then finds the row.
        chat_id = work.db.scalar(chat.on_conflict_do_nothing(index_elements=["direct_key"]).returning(Chat.id))
        created = chat_id is not None
        if chat_id is None:
            chat_id = work.db.execute(select(Chat.id).where(Chat.direct_key == ":".join(pair))).scalar_one()
        else:
            _find_people(work, [user_id])
            work.db.execute(insert(Member), [{"chat_id": chat_id, "user_id": member} for member in pair])
            _record(work, chat_id, 1, "CREATED")
            work.announce(ChatCreated(chat_id, 1, tuple(pair), *queries.new_chat_event(work.db, chat_id)))
        return queries.chat_detail(work.db, actor, chat_id), created


def create_group(
    actor: Actor, *, name: str, description: str | None = None, avatar: str | None = None, member_ids: list[str]
) -> Json:
    """Create a group of these members and the actor, who becomes its ADMIN; raises NotFound for an unknown user."""
    invited = sorted(set(member_ids) - {actor.user_id})
    chat_id = new_id()
    members = [{"chat_id": chat_id, "user_id": actor.user_id, "role": MemberRole.ADMIN}]
    members += [{"chat_id": chat_id, "user_id": user_id, "role": MemberRole.MEMBER} for user_id in invited]
    about = {"name": name, "description": description, "avatar": avatar}
    with unit_of_work() as work:
        _find_people(work, invited)
        work.db.execute(
            insert(Chat).values(id=chat_id, type=ChatType.GROUP, member_count=len(members), last_rev=1, **about)
        )
        work.db.execute(insert(Member), members)
        _record(work, chat_id, 1, "CREATED")
        people = tuple(member["user_id"] for member in members)
        work.announce(ChatCreated(chat_id, 1, people, *queries.new_chat_event(work.db, chat_id)))
        return queries.chat_detail(work.db, actor, chat_id)


@in_turn
def update_chat(actor: Actor, chat_id: str, **changes: str | None) -> Json:
    """Change a group's `name`, `description` or `avatar`; returns the `Chat` for the actor.

    Like every change of a group, raises NotFound for non-members, Conflict (`not_a_group`) for a direct chat, Forbidden
    if the actor is not an ADMIN.
    """
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.UPDATE)
        if changes:
            rev = _count_change(work, chat_id, **changes).last_rev
            _record(work, chat_id, rev, "UPDATED")
            work.announce(ChatUpdated(chat_id, rev, queries.chat_event(work.db, chat_id)))
        return queries.chat_seen(work.db, actor, chat_id)


@in_turn
def delete_chat(actor: Actor, chat_id: str) -> None:
    """Delete a group with all its messages."""
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.DELETE)
        # Members first, in the order of all actions that lock several: a running send has locked its member row and
        # waits for
        # the chat's.
        work.db.execute(
            select(Member.user_id).where(Member.chat_id == chat_id).order_by(Member.user_id).with_for_update()
        )
        work.db.execute(delete(Member).where(Member.chat_id == chat_id))
        _dissolve(work, chat_id)
        work.announce(ChatDeleted(chat_id))


@in_turn
def add_member(actor: Actor, chat_id: str, *, user_id: str) -> Json:
    """Add a user to a group; returns the new `Member`.

    New members can read the history, and none of it is unread. Raises NotFound for an unknown user, Conflict for a
    member, Conflict (`group_full`) beyond `MAX_GROUP_MEMBERS`.
    """
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.ADD_MEMBERS)
        _find_people(work, [user_id])
        if queries.member(work.db, chat_id, user_id):
            raise Conflict("The user is already a member of this group.")
        chat = _count_change(work, chat_id, member_count=Chat.member_count + 1)
        if chat.member_count > MAX_GROUP_MEMBERS:
            raise Conflict(f"Groups can have up to {MAX_GROUP_MEMBERS:,} members.", code="group_full")
        newest = dict.fromkeys(("joined_seq", "delivered_seq", "read_seq"), chat.last_seq)
        joined_at = func.clock_timestamp()
        work.db.execute(insert(Member).values(chat_id=chat_id, user_id=user_id, joined_at=joined_at, **newest))
        _record(work, chat_id, chat.last_rev, "JOINED", user_id)
        member = _member(work, chat_id, user_id)
        payload = {"chatId": chat_id, "member": queries.member_event(member)}
        is_online = member["user"]["isOnline"]
        new_chat, online = queries.new_chat_event(work.db, chat_id)
        work.announce(MemberJoined(chat_id, chat.last_rev, user_id, payload, is_online, new_chat, online))
        return member


@in_turn
def remove_member(actor: Actor, chat_id: str, user_id: str) -> None:
    """Remove a member from a group, oneself as by leaving; raises NotFound for non-members."""
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.REMOVE_MEMBERS)
        _depart(work, chat_id, user_id)


@in_turn
def leave(actor: Actor, chat_id: str) -> None:
    """Leave a group. The longest-standing member succeeds its last ADMIN; the last member deletes it."""
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.LEAVE)
        _depart(work, chat_id, actor.user_id)


@in_turn
def set_member_role(actor: Actor, chat_id: str, user_id: str, *, role: str) -> Json:
    """Set a member's role to MEMBER or ADMIN; returns the `Member`.

    Raises NotFound for non-members, Conflict (`last_admin`) for demoting the only ADMIN.
    """
    with unit_of_work() as work:
        _take_turn(work, actor, chat_id, ChatPermission.SET_ROLES)
        before = _member(work, chat_id, user_id)
        if before["role"] == role:
            return before
        others = exists().where(Member.chat_id == chat_id, Member.role == MemberRole.ADMIN, Member.user_id != user_id)
        if role != MemberRole.ADMIN and not work.db.scalar(select(others)):
            raise Conflict("The group needs an ADMIN. Promote another member first.", code="last_admin")
        rev = _count_change(work, chat_id).last_rev
        this_member = (Member.chat_id == chat_id) & (Member.user_id == user_id)
        work.db.execute(update(Member).where(this_member).values(role=role))
        _record(work, chat_id, rev, "ROLE", user_id)
        after = _member(work, chat_id, user_id)
        work.announce(MemberUpdated(chat_id, rev, {"chatId": chat_id, "member": queries.member_event(after)}))
        return after


def _take_turn(work: UnitOfWork, actor: Actor, chat_id: str, permission: ChatPermission) -> None:
    """Check the permission, and lock the group against other changes until the end of the transaction."""
    work.db.execute(_TAKE_TURN, {"chat_id": chat_id})
    membership: Membership | None = queries.membership(work.db, actor, chat_id)
    if membership and membership.visible and membership.type != ChatType.GROUP:
        raise Conflict("This is only possible in groups.", code="not_a_group")
    require(PERMISSIONS, permission, actor, membership)


def _find_people(work: UnitOfWork, user_ids: list[str]) -> None:
    """Raise NotFound unless all of these users are active."""
    found = work.db.scalar(select(func.count()).where(User.id.in_(user_ids), User.is_active))
    if found != len(user_ids):
        raise NotFound("User not found.")


def _count_change(work: UnitOfWork, chat_id: str, **changes: Any) -> Row[Any]:
    """Increment the chat's `rev` along with `changes`, and lock its row."""
    counted: CursorResult[Any] = work.db.execute(
        update(Chat)
        .where(Chat.id == chat_id)
        .values(
            last_rev=Chat.last_rev + 1, updated_at=func.greatest(Chat.updated_at, func.clock_timestamp()), **changes
        )
        .returning(Chat.last_seq, Chat.last_rev, Chat.member_count)
    )
    return counted.one()


def _member(work: UnitOfWork, chat_id: str, user_id: str) -> Json:
    """The `Member`; raises NotFound."""
    member = queries.member(work.db, chat_id, user_id)
    if member is None:
        raise NotFound("Member not found.")
    return member


def _depart(work: UnitOfWork, chat_id: str, user_id: str) -> None:
    # Lock the member's row before the chat's: a running send of theirs holds the first and waits for the second.
    gone = delete(Member).where(Member.chat_id == chat_id, Member.user_id == user_id).returning(Member.user_id)
    if work.db.scalar(gone) is None:
        raise NotFound("Member not found.")
    chat = _count_change(work, chat_id, member_count=Chat.member_count - 1)
    work.announce(MemberLeft(chat_id, chat.last_rev, user_id))
    if chat.member_count == 0:
        _dissolve(work, chat_id)
        return
    _record(work, chat_id, chat.last_rev, "LEFT", user_id)
    if heir := work.db.scalar(_HEIR, {"chat_id": chat_id}):
        rev = _count_change(work, chat_id).last_rev
        _record(work, chat_id, rev, "ROLE", heir)
        payload = {"chatId": chat_id, "member": queries.member_event(_member(work, chat_id, heir))}
        work.announce(MemberUpdated(chat_id, rev, payload))


def _record(work: UnitOfWork, chat_id: str, rev: int, kind: str, user_id: str | None = None) -> None:
    """Store a change for the replay to sockets that miss its event."""
    work.db.execute(insert(ChatChange).values(chat_id=chat_id, rev=rev, kind=kind, user_id=user_id))


def prune_changes(limit: int) -> int:
    """Delete up to `limit` changes older than `KEEP_CHANGES`; returns how many were deleted."""
    with unit_of_work() as work:
        return int(work.db.execute(_PRUNE, {"age": KEEP_CHANGES, "limit": limit}).rowcount)


def _dissolve(work: UnitOfWork, chat_id: str) -> None:
    """Delete a group without members. The messages of a large one are deleted in the background, since one transaction
    for all of them would block others."""
    small = delete(Chat).where(Chat.id == chat_id, Chat.last_seq <= MAX_DELETED_AT_ONCE).returning(Chat.id)
    if work.db.scalar(small) is None:
        work.db.execute(update(Chat).where(Chat.id == chat_id).values(member_count=0))


def purge_deleted_groups() -> None:
    """Delete the rest of large deleted groups in portions (a job)."""
    while True:
        with unit_of_work(single=True) as work:
            if work.db.execute(_PURGE, {"limit": MAX_DELETED_AT_ONCE}).scalar() is None:
                return
        gevent.sleep(PURGE_PAUSE)
