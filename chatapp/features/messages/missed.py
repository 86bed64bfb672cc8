"""Queries the changes that sockets missed while their worker was disconnected: the input of the replay."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text

from chatapp.core.db import snapshot
from chatapp.features.chats.queries import new_chat_event
from chatapp.models.message import CHANGED
from chatapp.representations.chat import NewChatEvent
from chatapp.representations.member import MEMBER, Member
from chatapp.representations.message import MESSAGE_EVENT, MESSAGE_JOINS, MessageEvent, messages_since

# Rows read per chat: more than a replay covers, since events that wait behind a gap are among them.
MAX_ROWS = 1200

# The rest of a deleted group is purged in the background.
_CHANGES = text(
    f"""
    SELECT c.id::text AS chat_id, c.last_rev, c.last_seq, x.*
    FROM unnest(CAST(:ids AS uuid[]), CAST(:revs AS bigint[])) a (id, rev)
    JOIN chats c ON c.id = a.id AND NOT c.is_deleted
    LEFT JOIN LATERAL (
        (
            SELECT m.rev, 'MESSAGE' AS kind, NULL::text AS user_id, {MESSAGE_EVENT} AS message, m.was_changed AS is_changed,
                   NULL::json AS member
            FROM (SELECT *, {CHANGED} AS was_changed FROM {messages_since("a.rev")} missed) m {MESSAGE_JOINS}
        ) UNION ALL (
            SELECT h.rev, h.kind, h.user_id::text, NULL::json, false, CASE WHEN o.user_id IS NOT NULL THEN {MEMBER} END
            FROM chat_changes h
            LEFT JOIN members o ON o.chat_id = h.chat_id AND o.user_id = h.user_id LEFT JOIN users u ON u.id = o.user_id
            WHERE h.chat_id = c.id AND h.rev > a.rev ORDER BY h.rev LIMIT :limit
        )
    ) x ON true
    ORDER BY c.id, x.rev
    """
)
_JOINED = text(
    """
    SELECT me.user_id::text, me.chat_id::text, CASE WHEN me.joined_seq <= me.delivered_seq THEN me.joined_seq ELSE (
        -- A bot.
        SELECT coalesce(max(m.seq), 0) FROM messages m WHERE m.chat_id = me.chat_id AND m.created_at <= me.joined_at
    ) END, (
        SELECT max(h.rev) FROM chat_changes h
        WHERE h.chat_id = me.chat_id AND (h.kind = 'CREATED' OR h.kind = 'JOINED' AND h.user_id = me.user_id)
    )
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:chat_ids AS uuid[])) a (user_id, chat_id)
    JOIN members me ON me.user_id = a.user_id AND me.chat_id = a.chat_id
    """
)
_EXISTING = text("SELECT id::text FROM chats WHERE id = ANY(CAST(:ids AS uuid[])) AND NOT is_deleted")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a message (`MESSAGE`), or of a type of `ChatChange` (with the `Member`, if that user still is one).
    `is_changed` means that the `rev` of the message is not that of its creation."""

    rev: int
    kind: str
    user_id: str | None
    message: MessageEvent | None = None
    is_changed: bool = False
    member: Member | None = None


@dataclass(slots=True)
class MissedChanges:
    """The changes of a chat in the order of `rev`, and its current position.

    `chat` is its `Chat` for `chat:new`, read if a change needs it, and `online` its members that are online. `complete`
    is False if there were more than `MAX_ROWS`.
    """

    last_rev: int
    last_seq: int
    changes: list[Change] = field(default_factory=list)
    chat: NewChatEvent | None = None
    online: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.changes) <= MAX_ROWS


def changes_since(positions: Mapping[str, int]) -> dict[str, MissedChanges]:
    """The changes of these chats since these `rev`s, in one snapshot; deleted chats are omitted."""
    found: dict[str, MissedChanges] = {}
    with snapshot() as db:
        values = {"ids": list(positions), "revs": list(positions.values()), "limit": MAX_ROWS + 1}
        for chat_id, last_rev, last_seq, rev, kind, user_id, message, is_changed, member in db.execute(
            _CHANGES, values
        ):
            missed = found.setdefault(chat_id, MissedChanges(last_rev, last_seq))
            if rev is not None:
                missed.changes.append(Change(rev, kind, user_id, message, is_changed, member))
        for chat_id, missed in found.items():
            if any(change.kind in ("CREATED", "UPDATED", "JOINED") for change in missed.changes):
                missed.chat, missed.online = new_chat_event(db, chat_id)
    return found


def joined_at(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[int | None, int]]:
    """For each (user, chat) that is a membership: the `rev` of its beginning, None if that is no longer known, and the
    newest message's `seq` at that time."""
    if not pairs:
        return {}
    with snapshot() as db:
        rows = db.execute(_JOINED, {"user_ids": [user for user, _ in pairs], "chat_ids": [chat for _, chat in pairs]})
        return {(user_id, chat_id): (rev, seq) for user_id, chat_id, seq, rev in rows}


def chats_now(chat_ids: Collection[str]) -> dict[str, tuple[NewChatEvent, list[str]]]:
    """The `Chat` for `chat:new` of each existing chat of these, and its members that are online."""
    with snapshot() as db:
        found = db.execute(_EXISTING, {"ids": list(chat_ids)}).scalars().all()
        return {chat_id: new_chat_event(db, chat_id) for chat_id in found}
