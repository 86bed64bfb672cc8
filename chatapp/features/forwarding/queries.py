"""Queries of messages to forward, and of their copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Invalid, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.representations.message import IS_FOUND_MESSAGE, IS_REPEATED, MESSAGE, MESSAGE_JOINS, Message

NOT_FOUND = "Not found."
_MEMBER_OF = text("SELECT FROM members WHERE user_id = :user_id AND chat_id = ANY(CAST(:chat_ids AS uuid[]))")
_CHATS_OF = text(
    f"""
    SELECT m.id::text, m.chat_id::text FROM messages m JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
    WHERE m.id = ANY(CAST(:message_ids AS uuid[])) AND {IS_FOUND_MESSAGE}
    """
)
_COPIES = text(
    f"""
    SELECT CASE WHEN {IS_REPEATED} THEN {MESSAGE} END
    FROM unnest(CAST(:client_ids AS uuid[])) WITH ORDINALITY copy (client_id, place)
         JOIN messages m ON m.sender_id = :user_id AND m.client_id = copy.client_id
         JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id {MESSAGE_JOINS}
    ORDER BY copy.place
    """
)
# The locks of sends, in their order: the sender's member rows, then the chats.
_LOCK_MEMBERS = text(
    """
    SELECT chat_id::text FROM members WHERE user_id = :user_id AND chat_id = ANY(CAST(:chat_ids AS uuid[]))
    ORDER BY chat_id FOR NO KEY UPDATE
    """
)
_LOCK_CHATS = text(
    """
    SELECT id::text, is_closed FROM chats WHERE id = ANY(CAST(:chat_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
    """
)
# `author` is empty if the first author does not want to be named.
_ORIGINALS = text(
    """
    SELECT m.id::text, m.type, m.content, m.format, m.upload_id::text, m.deleted_at IS NOT NULL AS is_deleted,
           CASE WHEN coalesce((u.settings ->> 'forwards')::boolean, true) THEN
               coalesce(m.forwarded, jsonb_build_object('senderId', m.sender_id, 'createdAt', wire_time(m.created_at)))
               ELSE '{}' END AS author
    FROM messages m LEFT JOIN users u ON u.id = coalesce(CAST(m.forwarded ->> 'senderId' AS uuid), m.sender_id)
    WHERE m.id = ANY(CAST(:message_ids AS uuid[]))
    """
)


@dataclass(frozen=True, slots=True)
class Original:
    """A message to forward. `author` is what its copies have in `forwarded`."""

    id: str
    type: str
    content: str
    format: str | None
    upload_id: str | None
    is_deleted: bool
    author: Json


def require_member_of_all(actor: Actor, chat_ids: Sequence[str]) -> None:
    """Raise NotFound unless the actor is a member of all these chats."""
    with reading() as db:
        if len(_rows(db, _MEMBER_OF, actor, chat_ids=list(chat_ids))) < len(chat_ids):
            raise NotFound(NOT_FOUND)


def chats_of(actor: Actor, message_ids: Sequence[str]) -> set[str]:
    """The chats of these messages; raises NotFound if the actor can't see one of them."""
    with reading() as db:
        found = dict(_rows(db, _CHATS_OF, actor, message_ids=list(message_ids)))
    if len(found) < len(message_ids):
        raise NotFound(NOT_FOUND)
    return set(found.values())


def sent_before(actor: Actor, client_ids: Sequence[str], client_digest: bytes) -> list[Message]:
    """The copies with these `clientId`s, as the actor sees them; empty if they were not sent.

    Raises Invalid (`client_id_reused`) if other messages were sent with one of them.
    """
    with reading() as db:
        values = {"client_ids": list(client_ids), "client_digest": client_digest}
        copies = [message for (message,) in _rows(db, _COPIES, actor, **values)]
    if None in copies:
        raise reused()
    return copies if len(copies) == len(client_ids) else []


def reused() -> Invalid:
    """The error for a `clientId` of another request or message."""
    return Invalid("The clientId was already used for another request.", code="client_id_reused")


def lock_chats(db: Connection, actor: Actor, chat_ids: Sequence[str]) -> set[str]:
    """Lock chats, against other changes, and the actor's memberships; returns the chats to which no user can send.

    Raises NotFound if the actor is not a member of one of them.
    """
    if len(_rows(db, _LOCK_MEMBERS, actor, chat_ids=chat_ids)) < len(chat_ids):
        raise NotFound(NOT_FOUND)
    rows = db.execute(_LOCK_CHATS, {"chat_ids": chat_ids})
    return {chat_id for chat_id, is_closed in rows if is_closed}


def originals(db: Connection, message_ids: Sequence[str]) -> list[Original]:
    """Messages of locked chats, in the order of their ids in `message_ids`."""
    rows = {row.id: row for row in db.execute(_ORIGINALS, {"message_ids": list(message_ids)})}
    return [Original(**rows[id]._mapping) for id in message_ids]


def _rows(db: Connection, statement: Any, actor: Actor, **values: object) -> Sequence[Any]:
    return db.execute(statement, values | {"user_id": actor.user_id}).all()
