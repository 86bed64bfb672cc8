"""Queries of single messages, files and mentions, by key: a page costs the same at any depth."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from orjson import Fragment

from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor
from chatapp.core.pagination import MAX_KEY, Listing, Page
from chatapp.core.prepared import Prepared, array
from chatapp.features.chats.queries import require_member
from chatapp.features.history.schemas import FILE_TYPES
from chatapp.representations.message import (
    IS_FOUND_MESSAGE,
    MESSAGE_FETCHED,
    MESSAGE_IN_PAGE,
    MESSAGE_JOINS,
    MESSAGE_JOINS_BY_KEY,
    Message,
)

# A chat, the reader, and the `seq` of a message that was not delivered to them before.
Delivery = tuple[str, str, int]
# Whom the reader blocks.
BLOCKED = "ARRAY(SELECT blocked_id FROM blocks WHERE user_id = CAST(:user_id AS uuid))"
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_MESSAGE = Prepared(
    "message",
    f"""
    SELECT {MESSAGE_IN_PAGE}, m.seq, me.delivered_seq
    FROM members me JOIN messages m ON m.chat_id = me.chat_id AND m.id = :id AND {IS_FOUND_MESSAGE} {MESSAGE_JOINS}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id
    """,
)
# Of each type as many as the page needs: the rarer one is found as fast as the other. Tombstones have no upload.
FILES = Prepared(
    "files",
    f"""
    SELECT {MESSAGE_IN_PAGE}, m.seq, me.delivered_seq
    FROM members me, LATERAL (
        SELECT found.* FROM unnest(CAST(:types AS text[])) kind (type), LATERAL (
            SELECT * FROM messages m
            WHERE m.chat_id = me.chat_id AND m.type = kind.type AND m.upload_id IS NOT NULL AND m.seq < :key
            AND {IS_FOUND_MESSAGE}
            ORDER BY m.seq DESC LIMIT :limit
        ) found
        ORDER BY found.seq DESC LIMIT :limit
    ) m {MESSAGE_JOINS}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id
    ORDER BY m.seq DESC
    """,
)
# By key for each row: the order of the index ends the query with the page, whatever PostgreSQL expects to find.
# A row that remained of an earlier membership is not one of this: it precedes it. Bots have no `joined_seq`.
MENTIONS = Prepared(
    "mentions",
    f"""
    SELECT {MESSAGE_FETCHED}, m.seq, me.delivered_seq, m.id::text, m.chat_id::text
    FROM mentions n
         CROSS JOIN LATERAL (SELECT * FROM members WHERE chat_id = n.chat_id AND user_id = n.user_id LIMIT 1) me
         CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = n.message_id LIMIT 1) m {MESSAGE_JOINS_BY_KEY}
    WHERE n.user_id = :user_id AND n.message_id < :before
    AND {IS_FOUND_MESSAGE} AND n.sender_id <> ALL({BLOCKED})
    AND CASE WHEN me.joined_seq <= me.delivered_seq THEN n.seq > me.joined_seq ELSE m.created_at >= me.joined_at END
    ORDER BY n.message_id DESC LIMIT :limit
    """,
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page of messages, and what it delivers to the reader."""

    page: Page
    deliveries: Sequence[Delivery]


def read_message(actor: Actor, chat_id: str, message_id: str) -> tuple[Message, Sequence[Delivery]]:
    """A message of a chat, and what it delivers; raises NotFound for non-members and for an id of no message of the chat."""
    rows = _MESSAGE.read({"chat_id": chat_id, "user_id": actor.user_id, "id": message_id})
    if not rows:
        require_member(actor, chat_id)
        raise NotFound("Message not found.")
    message, seq, delivered_seq = rows[0]
    return orjson.loads(message), [(chat_id, actor.user_id, seq)] if seq > delivered_seq else []


def list_files(actor: Actor, chat_id: str, *, limit: int, cursor: str | None, type: str | None) -> Fetched:
    """The messages of a chat that have a file, newest first; raises NotFound for non-members."""
    listing = Listing("files", chat_id, type)
    (key,) = listing.start(cursor) or (MAX_KEY,)
    values = {"chat_id": chat_id, "user_id": actor.user_id, "types": array([type] if type else FILE_TYPES)}
    rows = FILES.read(values | {"key": key, "limit": limit + 1})
    if not rows:
        require_member(actor, chat_id)
    found = listing.page([(Fragment(message), [seq]) for message, seq, _ in rows], limit)
    deliveries = [(chat_id, actor.user_id, seq) for _, seq, delivered_seq in rows[:1] if seq > delivered_seq]
    return Fetched(found, deliveries)


def list_mentions(actor: Actor, *, limit: int, cursor: str | None) -> Fetched:
    """The messages that mention the actor by id, in their chats, newest first."""
    listing = Listing("mentions", actor.user_id)
    (before,) = listing.start(cursor) or (_LAST_ID,)
    rows = MENTIONS.read({"user_id": actor.user_id, "before": before, "limit": limit + 1})
    newest: dict[str, int] = {}
    for _, seq, delivered_seq, _, chat_id in rows[:limit]:
        if seq > delivered_seq:
            newest[chat_id] = max(seq, newest.get(chat_id, 0))
    found = listing.page([(Fragment(message), [id]) for message, _, _, id, _ in rows], limit)
    return Fetched(found, [(chat_id, actor.user_id, seq) for chat_id, seq in newest.items()])
