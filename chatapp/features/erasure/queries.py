"""Queries of what is left of erased users."""

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Json

_CHATS = """
    FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.user_id = :user_id AND (c.type = 'GROUP' OR NOT c.is_closed)
"""
_COUNT = text(
    f"""
    SELECT (SELECT count(*) {_CHATS}) + CASE WHEN :messages THEN (
        SELECT count(*) FROM messages WHERE sender_id = :user_id AND deleted_at IS NULL
    ) ELSE 0 END + (SELECT count(DISTINCT message_id) FROM reactions WHERE user_id = :user_id)
    """
)
_OPEN_CHATS = text(f"SELECT c.id::text, c.type {_CHATS} ORDER BY c.id LIMIT :limit")
_FAILED = text(
    """
    SELECT args, created_by::text FROM jobs
    WHERE subject = CAST(:user_id AS uuid) AND type = 'user_erasure' AND status = 'failed' AND NOT EXISTS (
        SELECT FROM jobs WHERE subject = CAST(:user_id AS uuid) AND type = 'user_erasure' AND status = 'done'
    ) ORDER BY id DESC LIMIT 1
    """
)


def count_rest(user_id: str, *, messages: bool) -> int:
    """The number of groups and open direct chats of a user, of messages with their reactions, and with `messages` of those
    that they sent."""
    with reading() as db:
        return int(db.execute(_COUNT, {"user_id": user_id, "messages": messages}).scalar_one())


def open_chats(user_id: str, limit: int) -> tuple[list[str], list[str]]:
    """Up to `limit` groups of a user, and direct chats that are not closed."""
    with reading() as db:
        rows = db.execute(_OPEN_CHATS, {"user_id": user_id, "limit": limit}).all()
    return [id for id, type in rows if type == "GROUP"], [id for id, type in rows if type != "GROUP"]


def failed_erasure(db: Connection, user_id: str) -> tuple[Json, str | None] | None:
    """The arguments of the last erasure of a user and who created it, if it failed and none was done since."""
    row = db.execute(_FAILED, {"user_id": user_id}).first()
    return (row.args, row.created_by) if row else None
