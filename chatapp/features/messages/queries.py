"""Queries of messages by key, never by counting: a page costs the same at any depth."""

from collections.abc import Mapping
from dataclasses import dataclass

from orjson import Fragment
from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Invalid, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.pagination import MAX_KEY, Page, page
from chatapp.core.permissions import require
from chatapp.core.prepared import Prepared
from chatapp.features.chats.queries import MESSAGE_FIELDS, MESSAGE_JOINS, STATUS_FIELD, status_field
from chatapp.features.messages.permissions import MODERATING_ROLES, PERMISSIONS, KnownMessage, MessagePermission

NOT_VISIBLE = "Chat not found."
MESSAGE_SEEN = f"json_build_object({MESSAGE_FIELDS}, {STATUS_FIELD})"
# In a response that delivers it.
MESSAGE_FETCHED = f"json_build_object({MESSAGE_FIELDS}, {status_field('DELIVERED')})"
# `me` has the watermark from before this page; the action records that the page moves it.
_PAGE = f"""
    SELECT {MESSAGE_FETCHED}::text, m.seq, m.rev, me.delivered_seq
    FROM members me JOIN messages m ON m.chat_id = me.chat_id {MESSAGE_JOINS}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id AND %s
    LIMIT :limit
"""
BACK_IN_TIME = Prepared("back_in_time", _PAGE % "m.seq < :key ORDER BY m.seq DESC")
CHANGED_SINCE = Prepared("changed_since", _PAGE % "m.rev > :key ORDER BY m.rev")
_IS_MEMBER = text("SELECT EXISTS (SELECT FROM members WHERE chat_id = :chat_id AND user_id = :user_id)")
# Starts from the chat that is sent to: non-members learn nothing, not even about their own clientId.
_SENT_BEFORE = text(
    f"""
    SELECT CASE WHEN m.client_digest = :client_digest THEN {MESSAGE_SEEN} END
    FROM members me JOIN messages m ON m.sender_id = me.user_id AND m.client_id = :client_id {MESSAGE_JOINS}
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id
    """
)
# FOR SHARE of the sender's row, as in a send: either this precedes their removal, or there is no row.
_KNOWN = text(
    """
    SELECT m.id::text, m.chat_id::text, m.sender_id::text, m.type, me.role AS chat_role
    FROM messages m LEFT JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
    WHERE m.id = :id
    """
)
_KEEP_MEMBER = text("SELECT FROM members WHERE chat_id = :chat_id AND user_id = :user_id FOR KEY SHARE")
_BY_ID = text(f"SELECT json_build_object({MESSAGE_FIELDS}) FROM messages m {MESSAGE_JOINS} WHERE m.id = :id")
_SEEN_BY_ID = text(
    f"""
    SELECT {MESSAGE_SEEN} FROM messages m JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
    {MESSAGE_JOINS} WHERE m.id = :id
    """
)
_STATUSES = text(
    """
    SELECT json_build_object('messageId', message_id, 'userId', user_id, 'status', status), user_id::text
    FROM message_statuses WHERE message_id = :id AND user_id > CAST(:after AS uuid) ORDER BY user_id LIMIT :limit
    """
)
# The rest of a deleted group is not reachable.
_CHAT_OF = text(
    """
    SELECT c.id::text FROM messages m JOIN chats c ON c.id = m.chat_id AND c.member_count > 0 WHERE m.id = :id
    """
)

_NEWEST = text(
    "SELECT count(*), coalesce(max(seq), 0) FROM messages WHERE id = ANY(CAST(:ids AS uuid[])) AND chat_id = :chat_id"
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


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page of a chat's messages. `newest_seq` is its highest `seq` if it was not delivered to the reader before."""

    page: Page
    newest_seq: int | None


def list_messages(
    actor: Actor, chat_id: str, *, limit: int, after: int | None, cursor: tuple[str, int] | None
) -> Fetched:
    """A chat's messages, newest first; with `after` those created or changed since that `rev`, in the order of `rev`.
    Raises NotFound for non-members."""
    direction, key = cursor or (("before", MAX_KEY) if after is None else ("after", after))
    who = {"chat_id": chat_id, "user_id": actor.user_id}
    with reading() as db:
        statement = CHANGED_SINCE if direction == "after" else BACK_IN_TIME
        rows = statement.execute(db, who | {"key": key, "limit": limit + 1})
        if not rows and not db.execute(_IS_MEMBER, who).scalar():
            raise NotFound(NOT_VISIBLE)
    newest = max([seq for _, seq, _, _ in rows[:limit]], default=0)
    delivered = rows[0][-1] if rows else 0
    items = [(Fragment(message), (direction, rev if direction == "after" else seq)) for message, seq, rev, _ in rows]
    return Fetched(page(items, limit), newest if newest > delivered else None)


def require_member(actor: Actor, chat_id: str) -> None:
    """Raise NotFound for non-members."""
    with reading() as db:
        if not db.execute(_IS_MEMBER, {"chat_id": chat_id, "user_id": actor.user_id}).scalar():
            raise NotFound(NOT_VISIBLE)


def sent_before(actor: Actor, chat_id: str, client_id: str, client_digest: bytes) -> Json | None:
    """The actor's message with that `clientId`, as they see it; None if there is none, or for non-members.

    Raises Invalid (`client_id_reused`) if another message was sent with it.
    """
    values = {"chat_id": chat_id, "user_id": actor.user_id, "client_id": client_id, "client_digest": client_digest}
    with reading() as db:
        row = db.execute(_SENT_BEFORE, values).first()
    if row is None:
        return None
    message: Json | None = row[0]
    if message is None:
        raise Invalid("The clientId was already used for another message.", code="client_id_reused")
    return message


def chat_of(message_id: str) -> str:
    """The chat of a message, "" for an unknown message."""
    with reading() as db:
        return db.execute(_CHAT_OF, {"id": message_id}).scalar() or ""


def known_message(db: Connection, actor: Actor, message_id: str, *, moderating: bool = False) -> KnownMessage | None:
    """The actor's relation to a message, if it exists; with `moderating`, moderators see it in any chat."""
    chat_id = db.execute(_CHAT_OF, {"id": message_id}).scalar()
    if chat_id is None:
        return None
    db.execute(_KEEP_MEMBER, {"chat_id": chat_id, "user_id": actor.user_id})
    row = db.execute(_KNOWN, {"id": message_id, "user_id": actor.user_id}).first()
    return KnownMessage(**row._mapping, moderated=moderating and actor.role in MODERATING_ROLES) if row else None


def message_event(db: Connection, message_id: str) -> Json:
    """A message for events."""
    return db.execute(_BY_ID, {"id": message_id}).scalar_one()  # type: ignore[no-any-return]


def message_seen(db: Connection, actor: Actor, message_id: str) -> Json:
    """A message as the actor, a member of its chat, sees it."""
    return db.execute(_SEEN_BY_ID, {"id": message_id, "user_id": actor.user_id}).scalar_one()  # type: ignore[no-any-return]


def list_statuses(actor: Actor, message_id: str, *, limit: int, cursor: tuple[str] | None) -> Page:
    """The receipts of a message per member who was in the chat when it was sent.

    Raises NotFound for non-members.
    """
    after = cursor[0] if cursor else "00000000-0000-0000-0000-000000000000"
    with reading() as db:
        require(PERMISSIONS, MessagePermission.READ_STATUSES, actor, known_message(db, actor, message_id))
        rows = db.execute(_STATUSES, {"id": message_id, "after": after, "limit": limit + 1})
        return page([(status, key) for status, *key in rows], limit)


def newest_seq(db: Connection, chat_id: str, message_ids: list[str]) -> int:
    """The highest `seq` of these messages, 0 for none; raises Invalid if one is no message of the chat."""
    wanted = set(message_ids)
    found, newest = db.execute(_NEWEST, {"chat_id": chat_id, "ids": list(wanted)}).one()
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
