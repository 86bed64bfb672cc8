"""Changes of one message: its row, the chat's `rev`, and the event; and of how far a member read a chat. Part of the actions,
which check permissions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, text

from chatapp.core import audit, settings
from chatapp.core.errors import Conflict, Invalid, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.unit_of_work import UnitOfWork
from chatapp.features.chats.queries import NOT_VISIBLE, why_closed
from chatapp.features.files.actions import delete_unreferenced
from chatapp.features.messages import queries, schemas
from chatapp.features.messages.events import MessageChanged, MessageDeleted, MessageEdited, MessagesRead
from chatapp.features.messages.extras import count_mention_of_all
from chatapp.features.messages.permissions import KnownMessage
from chatapp.features.messages.schemas import (
    MessageChangedEvent,
    MessageChanges,
    MessageDeletedEvent,
    MessagesReadEvent,
)
from chatapp.models.enums import MessageType
from chatapp.representations.message import DELETION, MENTIONS

MAX_EDITS = 100
# In larger groups a receipt goes only to the members whose messages it is about.
MAX_ALL_RECEIPTS = 50
# Lock the chat's row before checking the message, to wait for a running deletion.
_LOCK_CHAT = text("SELECT is_closed FROM chats WHERE id = :chat_id FOR NO KEY UPDATE")
_CHANGE = """
    WITH chat AS (
        UPDATE chats SET last_rev = last_rev + 1
        WHERE id = :chat_id AND EXISTS (SELECT FROM messages WHERE id = :id AND deleted_at IS NULL)
        RETURNING last_rev
    )
    UPDATE messages m SET rev = chat.last_rev, %s FROM chat WHERE m.id = :id RETURNING m.rev
"""
_EDITABLE = text(
    """
    SELECT content, metadata IS NOT DISTINCT FROM CAST(:metadata AS jsonb) AS has_metadata, format, mention_ids::text[],
           mentions_all, coalesce(edit_count, 0) AS edit_count, created_at
    FROM messages WHERE id = :id AND deleted_at IS NULL
    """
)
_MEMBERS_AMONG = text(
    """
    SELECT o.user_id::text FROM members o, unnest(CAST(:user_ids AS uuid[])) WITH ORDINALITY n (user_id, place)
    WHERE o.chat_id = :chat_id AND o.user_id = n.user_id AND o.user_id <> :sender_id
    GROUP BY o.user_id ORDER BY min(n.place)
    """
)
_ASSIGNMENTS = {
    "content": "content = :content, edited_at = clock_timestamp(), edit_count = coalesce(m.edit_count, 0) + 1",
    "mentions": "mention_ids = CAST(:mention_ids AS uuid[]), mentions_all = :mentions_all",
    "metadata": "metadata = CAST(:metadata AS jsonb)",
    "format": "format = :format",
}
_KEEP_VERSION = text(
    """
    INSERT INTO message_versions (message_id, version, content, at)
    SELECT id, coalesce(edit_count, 0) + 1, content, coalesce(edited_at, created_at) FROM messages WHERE id = :id
    """
)
_MENTION = text(
    """
    WITH gone AS (
        DELETE FROM mentions WHERE message_id = :id AND user_id <> ALL(CAST(:mention_ids AS uuid[]))
    )
    INSERT INTO mentions (user_id, chat_id, seq, message_id, sender_id)
    SELECT u.user_id, m.chat_id, m.seq, m.id, m.sender_id
    FROM messages m, unnest(CAST(:mention_ids AS uuid[])) u (user_id) WHERE m.id = :id
    ON CONFLICT DO NOTHING
    """
)
_SHOWN_MENTIONS = text(f"SELECT {MENTIONS} FROM messages m WHERE m.id = :id")
_DELETE = text(_CHANGE % DELETION)
_DELETE_PARTS = text(
    """
    WITH reaction AS (DELETE FROM reactions WHERE message_id = ANY(CAST(:ids AS uuid[]))),
         mention AS (DELETE FROM mentions WHERE message_id = ANY(CAST(:ids AS uuid[])))
    DELETE FROM message_versions WHERE message_id = ANY(CAST(:ids AS uuid[]))
    """
)
_FILE_OF = text("SELECT upload_id::text FROM messages WHERE id = :id")

_LOCK_READER = text(
    """
    SELECT me.read_seq, me.marked_seq IS NOT NULL AS is_marked, me.reads_privately, c.last_seq, c.member_count
    FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id FOR NO KEY UPDATE OF me
    """
)
_MARK_READ = text(
    """
    UPDATE members SET read_seq = :seq, delivered_seq = greatest(delivered_seq, :seq)
    WHERE chat_id = :chat_id AND user_id = :user_id
    """
)


@dataclass(frozen=True, slots=True)
class Reader:
    """How far a member read a chat. `last_seq` may be older than the lock."""

    read_seq: int
    is_marked: bool
    reads_privately: bool
    last_seq: int
    member_count: int


def edit(work: UnitOfWork, message: KnownMessage, fields: Json, *, actor: Actor | None = None) -> list[str]:
    """Set the `content`, `mentions`, `metadata` and `format` of a message, as far as `fields` has them; returns the names of
    the fields that changed. A field that has its value already does not; without a change nothing happens.

    `actor` is the sender; a server edits at any time. Raises Conflict for a deleted message, (`too_many_edits`) and
    (`edit_window_over`), Forbidden (`you_blocked`, `cannot_send`, `mention_all_forbidden`), Invalid for a message without a
    file and without content.
    """
    is_closed = lock_chat(work.db, message)
    if actor and is_closed:
        raise why_closed(work.db, actor.user_id, message.chat_id)
    values = _values(work, message, fields)
    row = work.db.execute(_EDITABLE, {"id": message.id, "metadata": values["metadata"]}).first()
    if row is None:
        raise Conflict("The message was deleted.")
    changed = [name for name in _ASSIGNMENTS if name in fields and not _has(row, name, values)]
    if "content" in changed:
        _check_content(message, row, fields["content"], has_window=actor is not None)
        if settings.current().edit_history != "off":
            work.db.execute(_KEEP_VERSION, {"id": message.id})
    if "mentions" in changed and actor and values["mentions_all"] and not row.mentions_all:
        count_mention_of_all(work.db, actor, message.chat_id)
    if not changed:
        return changed
    rev = set_columns(work.db, message, ", ".join(_ASSIGNMENTS[name] for name in changed), values)
    if "mentions" in changed:
        work.db.execute(_MENTION, {"id": message.id, "mention_ids": values["mention_ids"] or []})
    if "content" in changed:
        work.announce(MessageEdited(message.chat_id, rev, queries.message_event(work.db, message.id)))
    else:
        announce_change(work, message, rev, _shown(work.db, message, changed, fields))
    return changed


def lock_chat(db: Connection, message: KnownMessage) -> bool:
    """Wait for other changes of the message's chat; later statements see what they committed. Returns whether the chat is
    closed."""
    return bool(db.execute(_LOCK_CHAT, {"chat_id": message.chat_id}).scalar())


def set_columns(db: Connection, message: KnownMessage, assignments: str, values: Json) -> int:
    """Change a message `m` that is not deleted, in the locked chat; returns the `rev` that it takes."""
    statement = text(_CHANGE % f"{assignments}, is_changed = true")
    values = values | {"id": message.id, "chat_id": message.chat_id}
    return db.execute(statement, values).scalar_one()  # type: ignore[no-any-return]


def announce_change(work: UnitOfWork, message: KnownMessage, rev: int, changes: MessageChanges) -> None:
    """Announce a change that is not an edit of the text."""
    payload: MessageChangedEvent = {
        "chatId": message.chat_id,
        "messageId": message.id,
        "rev": rev,
        "changes": changes,
    }
    work.announce(MessageChanged(message.chat_id, rev, payload))


def delete(work: UnitOfWork, message: KnownMessage) -> tuple[bool, list[str]]:
    """Delete a message, leaving a tombstone. Returns whether it was not deleted before, and the stored files that are
    unused after the commit."""
    lock_chat(work.db, message)
    upload_id = work.db.execute(_FILE_OF, {"id": message.id}).scalar() if message.type != MessageType.TEXT else None
    rev = work.db.execute(_DELETE, {"id": message.id, "chat_id": message.chat_id}).scalar()
    if rev is not None:
        delete_parts(work.db, [message.id])
        payload: MessageDeletedEvent = {"messageId": message.id, "chatId": message.chat_id, "rev": rev}
        work.announce(MessageDeleted(message.chat_id, rev, payload))
    return rev is not None, delete_unreferenced(work.db, upload_id) if upload_id else []


def delete_parts(db: Connection, message_ids: Sequence[str]) -> None:
    """Delete what other tables have of messages that became tombstones: reactions, mentions and earlier texts."""
    db.execute(_DELETE_PARTS, {"ids": list(message_ids)})


def lock_reader(work: UnitOfWork, actor: Actor, chat_id: str) -> Reader:
    """Lock the actor's member row until the end of the transaction: they send nothing meanwhile. Raises NotFound."""
    row = work.db.execute(_LOCK_READER, {"chat_id": chat_id, "user_id": actor.user_id}).first()
    if row is None:
        raise NotFound(NOT_VISIBLE)
    return Reader(**row._mapping)


def read_up_to(work: UnitOfWork, actor: Actor, chat_id: str, reader: Reader, up_to: int) -> MessagesReadEvent:
    """Move the read position of the locked member up to a message, unless it is there, and announce the receipt."""
    receipt: MessagesReadEvent = {
        "chatId": chat_id,
        "userId": actor.user_id,
        "messageIds": [],
        "readSeq": max(reader.read_seq, up_to),
    }
    if up_to <= reader.read_seq:
        return receipt
    work.db.execute(_MARK_READ, {"chat_id": chat_id, "user_id": actor.user_id, "seq": up_to})
    newly_read, senders = queries.message_ids(
        work.db, chat_id, after=reader.read_seq, up_to=up_to, limit=schemas.MAX_NAMED
    )
    receipt["messageIds"] = newly_read
    audience = sorted(senders | {actor.user_id}) if reader.member_count > MAX_ALL_RECEIPTS else None
    work.announce(MessagesRead(chat_id, receipt, audience, reader.reads_privately))
    audit.record_acting(work.db, actor, "chat.read", ("chat", chat_id), readSeq=up_to)
    return receipt


def _values(work: UnitOfWork, message: KnownMessage, fields: Json) -> Json:
    """The values of the columns that an edit sets."""
    values = {"content": fields.get("content"), "format": fields.get("format")}
    values["metadata"] = orjson.dumps(fields["metadata"]).decode() if fields.get("metadata") else None
    mentions = fields.get("mentions") or {"user_ids": [], "all": False}
    about = {"chat_id": message.chat_id, "user_ids": mentions["user_ids"], "sender_id": message.sender_id}
    ids = list(work.db.scalars(_MEMBERS_AMONG, about)) if mentions["user_ids"] else []
    return values | {"mention_ids": ids or None, "mentions_all": mentions["all"] or None}


def _has(row: Row[Any], name: str, values: Json) -> bool:
    """True if a field of the message has its value already."""
    if name == "mentions":
        return sorted(row.mention_ids or []) == sorted(values["mention_ids"] or []) and (
            row.mentions_all == values["mentions_all"]
        )
    if name == "metadata":
        return bool(row.has_metadata)
    return bool(row._mapping[name] == values[name])


def _check_content(message: KnownMessage, row: Row[Any], content: str, *, has_window: bool) -> None:
    if not content and message.type in (MessageType.TEXT, MessageType.SYSTEM):
        raise Invalid("A message needs content.", errors={"content": ["Must have 1–4000 characters."]})
    window = settings.current().edit_window
    if has_window and window is not None and datetime.now(UTC) - row.created_at > window:
        raise Conflict("The message can no longer be edited.", code="edit_window_over")
    if row.edit_count >= MAX_EDITS:
        raise Conflict(f"A message can be edited up to {MAX_EDITS} times.", code="too_many_edits")


def _shown(db: Connection, message: KnownMessage, changed: Sequence[str], fields: Json) -> MessageChanges:
    """The changed fields as the API shows them."""
    shown: MessageChanges = {}
    if "mentions" in changed:
        shown["mentions"] = db.execute(_SHOWN_MENTIONS, {"id": message.id}).scalar()
    if "metadata" in changed:
        shown["metadata"] = fields["metadata"]
    if "format" in changed:
        shown["format"] = fields["format"]
    return shown
