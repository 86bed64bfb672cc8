"""Queries of reactions."""

from collections.abc import Iterable

from orjson import Fragment
from sqlalchemy import text

from chatapp.core.db import reading
from chatapp.core.identity import Actor
from chatapp.core.objects import encode_object
from chatapp.core.pagination import Listing, Page
from chatapp.core.permissions import require
from chatapp.features.messages.queries import known_message
from chatapp.features.reactions.emoji import key_of
from chatapp.features.reactions.permissions import PERMISSIONS, ReactionPermission
from chatapp.features.reactions.schemas import GivenReaction
from chatapp.representations.message import IS_FOUND_MESSAGE

_FIRST = ("-infinity", "00000000-0000-0000-0000-000000000000", "")
_LIST = text(
    f"""
    SELECT {encode_object(GivenReaction)}, r.created_at::text, r.user_id::text, r.emoji_key
    FROM reactions r JOIN users u ON u.id = r.user_id
    WHERE r.message_id = :id AND (CAST(:emoji_key AS text) IS NULL OR r.emoji_key = :emoji_key)
    AND (r.created_at, r.user_id, r.emoji_key) > (CAST(:at AS timestamptz), CAST(:user_id AS uuid), :key)
    AND EXISTS (SELECT FROM messages m JOIN members me ON me.chat_id = m.chat_id
                WHERE m.id = :id AND me.user_id = :reader_id AND {IS_FOUND_MESSAGE})
    ORDER BY r.created_at, r.user_id, r.emoji_key LIMIT :limit
    """
)
_CHATS = text("SELECT id::text AS id, chat_id::text AS chat_id FROM messages WHERE id = ANY(CAST(:ids AS uuid[]))")


def list_reactions(
    actor: Actor, message_id: str, *, limit: int, cursor: str | None = None, emoji: str | None = None
) -> Page:
    """The reactions to a message, oldest first. Raises NotFound for non-members, Invalid for another text than an emoji."""
    emoji_key = key_of(emoji) if emoji is not None else None
    listing = Listing("reactions", message_id, emoji_key)
    at, user_id, key = listing.start(cursor) or _FIRST
    values = {"id": message_id, "emoji_key": emoji_key, "at": at, "user_id": user_id, "key": key}
    with reading() as db:
        rows = db.execute(_LIST, values | {"reader_id": actor.user_id, "limit": limit + 1}).all()
        if not rows:
            require(PERMISSIONS, ReactionPermission.LIST, actor, known_message(db, actor, message_id))
    return listing.page([(Fragment(reaction), place) for reaction, *place in rows], limit)


def chats_of(message_ids: Iterable[str]) -> dict[str, str]:
    """The chat of each of these messages that exists."""
    with reading() as db:
        return {row.id: row.chat_id for row in db.execute(_CHATS, {"ids": list(message_ids)})}
