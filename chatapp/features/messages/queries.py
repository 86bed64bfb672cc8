"""Queries of messages, and of their receipts."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Invalid
from chatapp.core.identity import Actor
from chatapp.core.objects import build_object
from chatapp.core.pagination import Page, page
from chatapp.core.permissions import require
from chatapp.core.prepared import Prepared
from chatapp.features.chats.queries import why_closed
from chatapp.features.messages.permissions import MODERATING_ROLES, PERMISSIONS, KnownMessage, MessagePermission
from chatapp.features.messages.schemas import MessageStatus
from chatapp.representations.chat_state import CLEARED
from chatapp.representations.message import (
    IS_FOUND_MESSAGE,
    IS_REPEATED,
    MESSAGE,
    MESSAGE_EVENT,
    MESSAGE_JOINS,
    Message,
    MessageEvent,
)

# Starts from the chat that is sent to: non-members learn nothing, not even about their own clientId.
_IS_CLOSED = text(
    """
    SELECT true FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id AND c.is_closed
    """
)
_SENT_BEFORE = Prepared(
    "sent_before",
    f"""
    SELECT CASE WHEN {IS_REPEATED} THEN {MESSAGE} END
    FROM members me JOIN messages m ON m.sender_id = me.user_id AND m.client_id = :client_id {MESSAGE_JOINS}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id
    """,
)
# FOR SHARE of the sender's row, as in a send: either this precedes their removal, or there is no row.
_KNOWN = text(
    f"""
    SELECT m.id::text, m.chat_id::text, c.type AS chat_type, m.sender_id::text, m.type,
           CASE WHEN :deleting OR {IS_FOUND_MESSAGE} THEN me.role END AS chat_role
    FROM messages m JOIN chats c ON c.id = m.chat_id
         LEFT JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
    WHERE m.id = :id
    """
)
_KEEP_MEMBER = text("SELECT FROM members WHERE chat_id = :chat_id AND user_id = :user_id FOR KEY SHARE")
_BY_ID = Prepared("message_by_id", f"SELECT {MESSAGE_EVENT} FROM messages m {MESSAGE_JOINS} WHERE m.id = :id")
_SEEN_BY_ID = Prepared(
    "message_seen_by_id",
    f"""
    SELECT {MESSAGE} FROM messages m JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
    {MESSAGE_JOINS} WHERE m.id = :id
    """,
)
_STATUSES = text(
    f"""
    SELECT {build_object(MessageStatus)}, user_id::text
    FROM (
        SELECT v.message_id, v.user_id, CASE WHEN v.status = 'READ' AND v.user_id <> :reader_id AND (
            v.reads_privately OR (SELECT r.reads_privately FROM messages m JOIN members r ON r.chat_id = m.chat_id
                                  WHERE m.id = :id AND r.user_id = :reader_id)
        ) THEN 'DELIVERED' ELSE v.status END AS status
        FROM message_statuses v WHERE v.message_id = :id
    ) shown WHERE user_id > CAST(:after AS uuid)
    AND EXISTS (SELECT FROM messages m JOIN members me ON me.chat_id = m.chat_id
                WHERE m.id = :id AND me.user_id = :reader_id AND {IS_FOUND_MESSAGE})
    ORDER BY user_id LIMIT :limit
    """
)
# The rest of a deleted group is not reachable.
_CHAT_OF = text(
    """
    SELECT c.id::text FROM messages m JOIN chats c ON c.id = m.chat_id AND NOT c.is_deleted WHERE m.id = :id
    """
)

_NEWEST = text(
    f"""
    SELECT count(*), coalesce(max(m.seq), 0) FROM messages m JOIN members me ON me.chat_id = m.chat_id
    WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.chat_id = :chat_id AND me.user_id = :user_id AND m.seq > {CLEARED}
    """
)
_IDS = text(
    "SELECT id::text, sender_id::text FROM messages WHERE chat_id = :chat_id AND seq > :after AND seq <= :up_to ORDER BY seq"
)

_SENDERS = text(
    """
    SELECT n.chat_id::text AS chat_id, array_agg(DISTINCT m.sender_id::text) AS senders
    FROM unnest(CAST(:chat_ids AS uuid[]), CAST(:afters AS bigint[]), CAST(:up_tos AS bigint[])) n (chat_id, after, up_to)
         JOIN messages m ON m.chat_id = n.chat_id AND m.seq > n.after AND m.seq <= n.up_to
    GROUP BY n.chat_id
    """
)


def sent_before(actor: Actor, chat_id: str, client_id: str, client_digest: bytes) -> Message | None:
    """The actor's message with that `clientId`, as they see it; None if there is none, or for non-members.

    Raises Invalid (`client_id_reused`) if another message was sent with it.
    """
    values = {"chat_id": chat_id, "user_id": actor.user_id, "client_id": client_id, "client_digest": client_digest}
    with reading() as db:
        rows = _SENT_BEFORE.execute(db, values)
    if not rows:
        return None
    message: Message | None = rows[0][0]
    if message is None:
        raise Invalid("The clientId was already used for another message.", code="client_id_reused")
    return message


def require_open(actor: Actor, chat_id: str) -> None:
    """Raise Forbidden (`you_blocked`, `cannot_send`) if the actor is a member of that chat, and it is closed."""
    with reading() as db:
        if db.execute(_IS_CLOSED, {"chat_id": chat_id, "user_id": actor.user_id}).scalar():
            raise why_closed(db, actor.user_id, chat_id)


def chat_of(message_id: str) -> str:
    """The chat of a message, "" for an unknown message."""
    with reading() as db:
        return db.execute(_CHAT_OF, {"id": message_id}).scalar() or ""


def known_message(db: Connection, actor: Actor, message_id: str, *, deleting: bool = False) -> KnownMessage | None:
    """The actor's relation to a message, if it exists: they have none to one that they cleared or deleted for themselves,
    except for `deleting` it for all. Then moderators see it in any chat, too."""
    chat_id = db.execute(_CHAT_OF, {"id": message_id}).scalar()
    if chat_id is None:
        return None
    db.execute(_KEEP_MEMBER, {"chat_id": chat_id, "user_id": actor.user_id})
    row = db.execute(_KNOWN, {"id": message_id, "user_id": actor.user_id, "deleting": deleting}).first()
    return KnownMessage(**row._mapping, moderated=deleting and actor.role in MODERATING_ROLES) if row else None


def message_event(db: Connection, message_id: str) -> MessageEvent:
    """A message for events."""
    ((message,),) = _BY_ID.execute(db, {"id": message_id})
    return message  # type: ignore[no-any-return]


def message_seen(db: Connection, actor: Actor, message_id: str) -> Message:
    """A message as the actor, a member of its chat, sees it."""
    ((message,),) = _SEEN_BY_ID.execute(db, {"id": message_id, "user_id": actor.user_id})
    return message  # type: ignore[no-any-return]


def list_statuses(actor: Actor, message_id: str, *, limit: int, cursor: tuple[str] | None) -> Page:
    """The receipts of a message per member who was in the chat when it was sent.

    Raises NotFound for non-members.
    """
    after = cursor[0] if cursor else "00000000-0000-0000-0000-000000000000"
    values = {"id": message_id, "reader_id": actor.user_id, "after": after, "limit": limit + 1}
    with reading() as db:
        rows = db.execute(_STATUSES, values).all()
        if not rows:
            require(PERMISSIONS, MessagePermission.READ_STATUSES, actor, known_message(db, actor, message_id))
    return page([(status, key) for status, *key in rows], limit)


def newest_seq(db: Connection, actor: Actor, chat_id: str, message_ids: list[str]) -> int:
    """The highest `seq` of these messages, 0 for none; raises Invalid if one is no message of the chat, or cleared."""
    wanted = set(message_ids)
    found, newest = db.execute(_NEWEST, {"chat_id": chat_id, "user_id": actor.user_id, "ids": list(wanted)}).one()
    if found != len(wanted):
        raise Invalid("Message not found in this chat.", errors={"messageIds": ["Not messages of this chat."]})
    return int(newest)


def message_ids(db: Connection, chat_id: str, *, after: int, up_to: int, limit: int) -> tuple[list[str], set[str]]:
    """The ids and senders of a chat's messages with `after` < seq ≤ `up_to`, in order, at most the newest `limit`."""
    first = max(after, up_to - limit)
    rows = db.execute(_IDS, {"chat_id": chat_id, "after": first, "up_to": up_to}).all()
    return [message_id for message_id, _ in rows], {sender_id for _, sender_id in rows}


def senders(db: Connection, news: Mapping[str, tuple[int, int]], *, limit: int) -> dict[str, list[str]]:
    """Per chat the senders of messages after one `seq` and up to another, at most the newest `limit`."""
    values = {
        "chat_ids": list(news),
        "afters": [max(after, up_to - limit) for after, up_to in news.values()],
        "up_tos": [up_to for _, up_to in news.values()],
    }
    return {row.chat_id: row.senders for row in db.execute(_SENDERS, values)}
