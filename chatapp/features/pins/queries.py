"""Queries of pinned messages."""

from dataclasses import dataclass

from orjson import Fragment
from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.identity import Actor
from chatapp.core.pagination import Listing, Page
from chatapp.features.chats.queries import require_member
from chatapp.representations.chat_state import CLEARED
from chatapp.representations.message import MESSAGE_IN_PAGE, MESSAGE_JOINS

_STATE = text(
    """
    SELECT m.deleted_at IS NOT NULL AS is_deleted, m.pinned_at IS NOT NULL AS is_pinned, c.is_closed,
           (SELECT count(*) FROM messages p WHERE p.chat_id = c.id AND p.pinned_at IS NOT NULL) AS pins
    FROM messages m JOIN chats c ON c.id = m.chat_id WHERE m.id = :id
    """
)
# Each pin of a chat has a time of its own.
_LIST = text(
    f"""
    SELECT {MESSAGE_IN_PAGE}, m.seq, m.pinned_at::text, me.delivered_seq
    FROM members me JOIN messages m ON m.chat_id = me.chat_id {MESSAGE_JOINS}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id AND m.pinned_at IS NOT NULL
    AND m.seq > {CLEARED} AND m.pinned_at < CAST(:before AS timestamptz)
    ORDER BY m.pinned_at DESC LIMIT :limit
    """
)
_LATEST = "infinity"


@dataclass(frozen=True, slots=True)
class PinState:
    """Whether a message is deleted or pinned, whether its chat is closed, and how many pins that has."""

    is_deleted: bool
    is_pinned: bool
    is_closed: bool
    pins: int


def pin_state(db: Connection, message_id: str) -> PinState:
    """The state of a message that exists."""
    return PinState(**db.execute(_STATE, {"id": message_id}).one()._mapping)


def list_pins(actor: Actor, chat_id: str, *, limit: int, cursor: str | None) -> tuple[Page, int]:
    """The pinned messages of a chat, last pinned first, and the highest `seq` among them that was not delivered to the actor
    before, or 0. Raises NotFound for non-members."""
    listing = Listing("pins", chat_id)
    (before,) = listing.start(cursor) or (_LATEST,)
    values = {"chat_id": chat_id, "user_id": actor.user_id, "before": before, "limit": limit + 1}
    with reading() as db:
        rows = db.execute(_LIST, values).all()
    if not rows:
        require_member(actor, chat_id)
    newest = max([seq for _, seq, _, delivered_seq in rows[:limit] if seq > delivered_seq], default=0)
    return listing.page([(Fragment(message), [pinned_at]) for message, _, pinned_at, _ in rows], limit), newest
