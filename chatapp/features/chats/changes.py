"""Changes of one chat: its row and members, the numbers of the changes, their events, and what the group announces.

Part of the actions, which check permissions and hold the turn of the chat. Locks are taken in the order of a send: member
rows, then the chat's row.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Row, and_, delete, func, insert, null, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chatapp import representations
from chatapp.core.errors import Conflict
from chatapp.core.ids import new_id
from chatapp.core.unit_of_work import UnitOfWork
from chatapp.features.chats import queries
from chatapp.features.chats.events import (
    ChatCreated,
    ChatDeleted,
    ChatEntered,
    ChatUpdated,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
)
from chatapp.features.chats.schemas import ChatMember
from chatapp.features.chats.system_messages import Announcements, SystemMessage, post
from chatapp.features.own_state.changes import end_membership, forget
from chatapp.models import Chat, ChatChange, Member, Mention, User
from chatapp.models.enums import Announcement, ChatType, MemberRole
from chatapp.representations.member import member_event

MAX_GROUP_MEMBERS = 1000
# The messages of a larger group are deleted in the background, at most so many per transaction.
MAX_DELETED_AT_ONCE = 1000
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:chat_id, 0))")
# Of direct chats and blocks; not the lock of the chat, which may not exist.
_LOCK_PAIR = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 2))")
_IS_BLOCKED = text("SELECT EXISTS (SELECT FROM blocks WHERE (user_id, blocked_id) IN ((:one, :other), (:other, :one)))")
_ANNOUNCES = text("SELECT coalesce(announces, '{}') FROM chats WHERE id = :chat_id")
# The `joined_seq` of bots: no message's status waits for them.
BOT_SEQ = 2**63 - 1
# The lock, which the foreign key takes anyway, waits for a change of the user's settings and then reads them.
_ADD = text(
    f"""
    INSERT INTO members (chat_id, user_id, role, joined_at, joined_seq, delivered_seq, read_seq, reads_privately)
    SELECT :chat_id, n.user_id, :role, clock_timestamp(), CASE WHEN u.is_bot THEN {BOT_SEQ} ELSE :seq END, :seq, :seq,
           coalesce(u.settings ->> 'readReceipts' = 'false', false)
    FROM unnest(CAST(:user_ids AS uuid[])) WITH ORDINALITY n (user_id, place) JOIN users u ON u.id = n.user_id
    ORDER BY n.place FOR KEY SHARE OF u
    """
)
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


def take_turn(work: UnitOfWork, chat_id: str) -> None:
    """Lock a chat against other changes of it or its members until the end of the transaction."""
    work.db.execute(_TAKE_TURN, {"chat_id": chat_id})


def record_change(work: UnitOfWork, chat_id: str, rev: int, kind: str, user_id: str | None = None) -> None:
    """Store a change for the replay to sockets that miss its event."""
    work.db.execute(insert(ChatChange).values(chat_id=chat_id, rev=rev, kind=kind, user_id=user_id))


def require_active(work: UnitOfWork, user_ids: Sequence[str]) -> None:
    """Raise NotFound unless all of these users are active."""
    active = set(work.db.scalars(select(User.id).where(User.id.in_(user_ids), User.is_active)))
    for user_id in user_ids:
        if user_id not in active:
            raise queries.no_user(user_id)


def lock_pair(work: UnitOfWork, user_id: str, other_id: str) -> str:
    """Lock two users against the creation of their direct chat, and against blocks of one by the other; before all other
    locks. Returns the `direct_key` of the chat."""
    key = ":".join(sorted((user_id, other_id)))
    work.db.execute(_LOCK_PAIR, {"key": key})
    return key


def open_direct_chat(
    work: UnitOfWork, user_ids: Sequence[str], *, by_id: str | None = None, **about: Any
) -> tuple[str, bool]:
    """The id of the direct chat of two users, and whether it is new; `by_id` is the one who opens it, None for a server.

    A new one raises NotFound unless both are active, and as `queries.require_reachable` does for a user.
    """
    pair = sorted(user_ids)
    key = lock_pair(work, *pair)
    if chat_id := work.db.scalar(select(Chat.id).where(Chat.direct_key == key)):
        return chat_id, False
    if by_id:
        queries.require_reachable(work.db, by_id, next(user_id for user_id in pair if user_id != by_id))
    else:
        require_active(work, pair)
    values: dict[str, Any] = {"id": new_id(), "type": ChatType.DIRECT, "direct_key": key, "member_count": 2}
    values |= {"last_rev": 1, "is_closed": work.db.execute(_IS_BLOCKED, {"one": pair[0], "other": pair[1]}).scalar()}
    work.db.execute(insert(Chat).values(values | _or_null(about)))
    _add_first_members(work, values["id"], dict.fromkeys(pair, MemberRole.MEMBER))
    return values["id"], True


def create_group(work: UnitOfWork, roles: Mapping[str, str], **about: Any) -> str | None:
    """Create a group of these active users, each with a role; returns its id, None if its `external_id` exists."""
    values: dict[str, Any] = {"id": new_id(), "type": ChatType.GROUP, "member_count": len(roles), "last_rev": 1}
    values |= _or_null(about)
    chat = (
        upsert(Chat)
        .values(values)
        .on_conflict_do_nothing(index_elements=["external_id"], index_where=Chat.external_id.is_not(None))
    )
    if work.db.scalar(chat.returning(Chat.id)) is None:
        return None
    _add_first_members(work, values["id"], roles)
    return str(values["id"])


def _or_null(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of columns: None is NULL also for JSON."""
    return {name: null() if value is None else value for name, value in values.items()}


def _add_first_members(work: UnitOfWork, chat_id: str, roles: Mapping[str, str]) -> None:
    if roles:
        about = select(User.id, User.is_bot, User.settings["readReceipts"].astext == "false").where(User.id.in_(roles))
        # As in `_ADD`.
        locked = about.order_by(User.id).with_for_update(read=True, key_share=True)
        users = {user_id: (is_bot, bool(private)) for user_id, is_bot, private in work.db.execute(locked)}
        members = [
            {
                "chat_id": chat_id,
                "user_id": user_id,
                "role": role,
                "joined_seq": BOT_SEQ if users[user_id][0] else 0,
                "reads_privately": users[user_id][1],
            }
            for user_id, role in roles.items()
        ]
        work.db.execute(insert(Member), members)
    record_change(work, chat_id, 1, "CREATED")
    work.announce(ChatCreated(chat_id, 1, tuple(roles), *queries.new_chat_event(work.db, chat_id)))


class ChangingChat:
    """A chat that the transaction changes, in its turn. `by_id` is the user who changes it, None for a server."""

    def __init__(self, work: UnitOfWork, chat_id: str, by_id: str | None) -> None:
        self._work, self._id, self._by_id = work, chat_id, by_id
        self._announces: Sequence[str] = work.db.execute(_ANNOUNCES, {"chat_id": chat_id}).scalar_one()

    def lock_members(self, whose: ColumnElement[bool] | None = None) -> None:
        """Lock rows of members, by default all, in the order of all actions that lock several. Before the chat's row: a
        running send has locked its member row and waits for the chat's."""
        whose = Member.chat_id == self._id if whose is None else whose
        self._work.db.execute(select(Member.user_id).where(whose).order_by(Member.user_id).with_for_update())

    def update(self, changes: Mapping[str, Any]) -> list[str]:
        """Set columns of the chat; returns those that had another value. Without any, nothing happens.

        What the group announces is not visible to its members: it takes no `rev`.
        """
        values = _or_null(changes)
        changed = self._changed(values)
        if "announces" in changed:
            self._work.db.execute(update(Chat).where(Chat.id == self._id).values(announces=values["announces"]))
            self._announces = changes["announces"] or ()
        if visible := {name: values[name] for name in changed if name != "announces"}:
            rev = self._count_changes(1, **visible).last_rev
            record_change(self._work, self._id, rev, "UPDATED")
            self._work.announce(ChatUpdated(self._id, rev, queries.chat_event(self._work.db, self._id)))
            if "name" in visible:
                self._announce(Announcement.RENAMED, [], lambda texts: [texts.renamed(changes["name"])])
        return changed

    def add(self, user_ids: Sequence[str], role: str = MemberRole.MEMBER) -> None:
        """Add users who are not members; raises Conflict (`group_full`)."""
        if not user_ids:
            return
        chat = self._count_changes(len(user_ids), member_count=Chat.member_count + len(user_ids))
        if chat.member_count > MAX_GROUP_MEMBERS:
            raise Conflict(f"Groups can have up to {MAX_GROUP_MEMBERS:,} members.", code="group_full")
        values = {"chat_id": self._id, "user_ids": list(user_ids), "role": role, "seq": chat.last_seq}
        self._work.db.execute(_ADD, values)
        revs = self._record_all(chat.last_rev, "JOINED", user_ids)
        members = queries.members(self._work.db, self._id, user_ids)
        new_chat, online = queries.new_chat_event(self._work.db, self._id)
        self._work.announce(ChatEntered(self._id, chat.last_rev, tuple(user_ids), new_chat, online))
        for user_id, rev in zip(user_ids, revs, strict=True):
            is_online = members[user_id]["user"]["isOnline"]
            payload = self._member_payload(members[user_id], rev)
            self._work.announce(MemberJoined(self._id, rev, user_id, payload, is_online))
        self._announce(Announcement.JOINED, user_ids, lambda texts: [texts.joined(user_id) for user_id in user_ids])

    def remove(self, user_ids: Sequence[str], *, succession: bool = True) -> list[str]:
        """Remove members; returns those who were some.

        With `succession`, the longest-standing member becomes ADMIN if the only one is removed. A user, who removes
        themselves or others, deletes the group with its last member; a server keeps it.
        """
        whose = and_(Member.chat_id == self._id, Member.user_id.in_(user_ids))
        self.lock_members(whose)
        roles = dict(self._work.db.execute(delete(Member).where(whose).returning(Member.user_id, Member.role)).all())
        gone = [user_id for user_id in user_ids if user_id in roles]
        if not gone:
            return []
        self._work.db.execute(delete(Mention).where(Mention.chat_id == self._id, Mention.user_id.in_(gone)))
        heir = None
        if succession and MemberRole.ADMIN in roles.values():
            heir = self._work.db.execute(_HEIR, {"chat_id": self._id}).scalar()
        chat = self._count_changes(len(gone), member_count=Chat.member_count - len(gone))
        is_over = chat.member_count == 0 and self._by_id is not None
        first = chat.last_rev - len(gone) + 1
        for rev, user_id in enumerate(gone, first):
            self._work.announce(MemberLeft(self._id, rev, user_id))
        if is_over:
            self._dissolve()
            end_membership(self._work, self._id, gone)
            return gone
        self._record_all(chat.last_rev, "LEFT", gone)
        self._announce(Announcement.LEFT, gone, lambda texts: [texts.left(user_id) for user_id in gone])
        if heir:
            # By the rule of succession, not by the user who left or removed the ADMIN.
            self._emit_role(heir, MemberRole.ADMIN, None)
        end_membership(self._work, self._id, gone)
        return gone

    def set_role(self, user_id: str, role: str) -> representations.Member:
        """Give a member another role than they have; returns the `Member`."""
        this_member = (Member.chat_id == self._id) & (Member.user_id == user_id)
        self._work.db.execute(update(Member).where(this_member).values(role=role))
        return self._emit_role(user_id, role, self._by_id)

    def delete(self) -> None:
        """Delete the group with its members and messages."""
        self.lock_members()
        gone = self._work.db.scalars(delete(Member).where(Member.chat_id == self._id).returning(Member.user_id)).all()
        # At once: the messages of a large group, and the group, are deleted later.
        forget(self._work, self._id, gone)
        self._dissolve()
        self._work.announce(ChatDeleted(self._id))

    def _changed(self, values: Mapping[str, Any]) -> list[str]:
        if not values:
            return []
        columns: dict[str, Any] = {name: getattr(Chat, name) for name in values}
        differs: list[ColumnElement[bool]] = [columns[name].is_distinct_from(values[name]) for name in values]
        row = self._work.db.execute(select(*differs).where(Chat.id == self._id)).one()
        return [name for name, is_changed in zip(values, row, strict=True) if is_changed]

    def _count_changes(self, count: int, **values: Any) -> Row[Any]:
        """Increment the chat's `rev` along with `values`, and lock its row."""
        latest = func.greatest(Chat.updated_at, func.clock_timestamp())
        counted: CursorResult[Any] = self._work.db.execute(
            update(Chat)
            .where(Chat.id == self._id)
            .values(last_rev=Chat.last_rev + count, updated_at=latest, **values)
            .returning(Chat.last_seq, Chat.last_rev, Chat.member_count)
        )
        return counted.one()

    def _record_all(self, last_rev: int, kind: str, user_ids: Sequence[str]) -> Sequence[int]:
        """Store a change of each of these users, the last one with `last_rev`; returns the `rev` of each."""
        revs = range(last_rev - len(user_ids) + 1, last_rev + 1)
        changes = [
            {"chat_id": self._id, "rev": rev, "kind": kind, "user_id": user_id}
            for rev, user_id in zip(revs, user_ids, strict=True)
        ]
        self._work.db.execute(insert(ChatChange), changes)
        return revs

    def _emit_role(self, user_id: str, role: str, by_id: str | None) -> representations.Member:
        rev = self._count_changes(1).last_rev
        record_change(self._work, self._id, rev, "ROLE", user_id)
        member = queries.members(self._work.db, self._id, [user_id])[user_id]
        self._work.announce(MemberUpdated(self._id, rev, self._member_payload(member, rev)))
        if Announcement.ROLE in self._announces:
            post(self._work, self._id, [Announcements(self._work, [user_id], by_id).role(user_id, role)])
        return member

    def _member_payload(self, member: representations.Member, rev: int) -> ChatMember:
        return {"chatId": self._id, "member": member_event(member), "rev": rev}

    def _announce(
        self, kind: Announcement, user_ids: Sequence[str], write: Callable[[Announcements], list[SystemMessage]]
    ) -> None:
        """Post the system messages of a change, if the group announces changes of this kind."""
        if kind in self._announces:
            post(self._work, self._id, write(Announcements(self._work, user_ids, self._by_id)))

    def _dissolve(self) -> None:
        """Delete a group without members. The messages of a large one are deleted in the background, since one
        transaction for all of them would block others."""
        small = delete(Chat).where(Chat.id == self._id, Chat.last_seq <= MAX_DELETED_AT_ONCE).returning(Chat.id)
        if self._work.db.scalar(small) is None:
            gone = {"member_count": 0, "is_deleted": True, "external_id": None}
            self._work.db.execute(update(Chat).where(Chat.id == self._id).values(**gone))
