"""Queries of the personal state of chats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.identity import Actor
from chatapp.representations.chat import UNREAD, UNREAD_SUMS, UnreadSums
from chatapp.representations.chat_state import CHAT_STATE, CLEARED, IS_MUTED, ChatState

_MINE = "FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.chat_id = :chat_id AND me.user_id = :user_id"
_STATE = text(f"SELECT {CHAT_STATE} {_MINE}")
# A mute that is over is none. `first_unread` is the first message that can be marked as unread; bots have no `joined_seq`.
_POSITIONS = text(
    f"""
    SELECT c.last_seq, CASE WHEN {IS_MUTED} THEN wire_time(me.muted_until) END AS muted_until,
           CASE WHEN CAST(:mute_until AS timestamptz) > now() THEN wire_time(CAST(:mute_until AS timestamptz))
           END AS mute_until,
           me.archived_seq, me.hidden_seq, me.pinned_at IS NOT NULL AS is_pinned, me.notify, me.unread_from,
           {CLEARED} AS cleared_seq, greatest({CLEARED}, CASE WHEN me.joined_seq <= me.delivered_seq THEN me.joined_seq END) + 1 AS first_unread, me.has_hidden
    {_MINE}
    """
)
_PINNED = text("SELECT count(*) FROM members WHERE user_id = :user_id AND me_rev > 0 AND pinned_at IS NOT NULL")
_CHATS_OF = text("SELECT DISTINCT chat_id::text FROM messages WHERE id = ANY(CAST(:ids AS uuid[]))")
_VISIBLE = text(
    f"""
    SELECT m.chat_id::text, m.id::text, EXISTS (
        SELECT FROM hidden_messages h WHERE h.user_id = me.user_id AND h.message_id = m.id
    )
    FROM messages m JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
    WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.seq > {CLEARED} ORDER BY m.chat_id, m.seq
    """
)
_HIDDEN = text("SELECT count(*) FROM hidden_messages WHERE user_id = :user_id AND chat_id = :chat_id")
_UNREAD = text(f"SELECT {UNREAD} FROM users u, {UNREAD_SUMS} WHERE u.id = :user_id")


@dataclass(frozen=True, slots=True)
class Positions:
    """A member's state of a chat, without what is over. `mute_until` is the requested `mutedUntil`, None for a past one."""

    last_seq: int
    muted_until: str | None
    mute_until: str | None
    archived_seq: int | None
    hidden_seq: int | None
    is_pinned: bool
    notify: str | None
    unread_from: int | None
    cleared_seq: int
    first_unread: int
    has_hidden: bool


def positions(db: Connection, actor: Actor, chat_id: str, mute_until: datetime | None = None) -> Positions:
    """The actor's positions in a chat of which they are a member."""
    values = {
        "chat_id": chat_id,
        "user_id": actor.user_id,
        "mute_until": mute_until and mute_until.isoformat(timespec="milliseconds"),
    }
    return Positions(**db.execute(_POSITIONS, values).one()._mapping)


def chat_state(db: Connection, actor: Actor, chat_id: str) -> ChatState:
    """The actor's own state of a chat of which they are a member."""
    return db.execute(_STATE, {"chat_id": chat_id, "user_id": actor.user_id}).scalar_one()  # type: ignore[no-any-return]


def count_pinned(db: Connection, actor: Actor) -> int:
    """The number of chats that the actor pinned."""
    return db.execute(_PINNED, {"user_id": actor.user_id}).scalar_one()  # type: ignore[no-any-return]


def chats_of(db: Connection, message_ids: Sequence[str]) -> list[str]:
    """The ids of the chats of messages."""
    return list(db.scalars(_CHATS_OF, {"ids": list(message_ids)}))


def visible_messages(db: Connection, actor: Actor, message_ids: Sequence[str]) -> list[tuple[str, str, bool]]:
    """Those of the messages that the actor did not clear, by chat: chat, id, and whether the actor hid it."""
    return [tuple(row) for row in db.execute(_VISIBLE, {"ids": list(message_ids), "user_id": actor.user_id})]


def count_hidden(db: Connection, actor: Actor, chat_id: str) -> int:
    """The number of messages of a chat that the actor hid."""
    return db.execute(_HIDDEN, {"chat_id": chat_id, "user_id": actor.user_id}).scalar_one()  # type: ignore[no-any-return]


def count_unread(actor: Actor) -> UnreadSums:
    """What the actor has not read."""
    with reading() as db:
        return db.execute(_UNREAD, {"user_id": actor.user_id}).scalar_one()  # type: ignore[no-any-return]
