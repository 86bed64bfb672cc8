"""Actions on messages: send, edit, delete, and record receipts."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import structlog
from sqlalchemy import text

from chatapp.core import audit
from chatapp.core.application import PerApplication, spawn_later
from chatapp.core.db import Locked
from chatapp.core.errors import Invalid, Json, Unavailable
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page
from chatapp.core.permissions import require
from chatapp.core.prepared import Prepared, array
from chatapp.core.turns import in_turn, turn
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.core.uploads import UploadedFile
from chatapp.features.chats.queries import require_member
from chatapp.features.files import queries as files
from chatapp.features.files.actions import delete_stored, store_upload
from chatapp.features.messages import changes, pages, queries, schemas
from chatapp.features.messages.changes import MAX_ALL_RECEIPTS
from chatapp.features.messages.events import MessagesDelivered
from chatapp.features.messages.extras import allow_mention_of_all, extras
from chatapp.features.messages.permissions import PERMISSIONS, KnownMessage, MessagePermission
from chatapp.features.messages.sending import NO_SUCH_FILE, PendingMessage, fingerprint, send
from chatapp.features.messages.sync import missed
from chatapp.features.own_state.changes import announce, take_me_rev
from chatapp.models.enums import MessageType
from chatapp.representations.chat_state import CHAT_STATE
from chatapp.representations.message import Message

log = structlog.get_logger()

_REMOVE_MARK = text(
    f"""
    UPDATE members me SET marked_seq = NULL, unread_from = NULL, me_rev = :me_rev
    FROM chats c WHERE c.id = me.chat_id AND me.chat_id = :chat_id AND me.user_id = :user_id RETURNING {CHAT_STATE}
    """
)
# Member rows are locked in one order, so that two batches never deadlock.
_NOTE = """
    WITH news AS (
        SELECT me.chat_id, me.user_id, n.seq, me.delivered_seq AS before, c.type = 'GROUP' AS is_group, c.member_count
        FROM unnest(CAST(:chat_ids AS uuid[]), CAST(:user_ids AS uuid[]), CAST(:seqs AS bigint[]))
             n (chat_id, user_id, seq)
             JOIN members me ON me.chat_id = n.chat_id AND me.user_id = n.user_id AND me.delivered_seq < n.seq
             JOIN chats c ON c.id = me.chat_id
        ORDER BY me.chat_id, me.user_id FOR NO KEY UPDATE OF me %s
    )
    UPDATE members me SET delivered_seq = greatest(me.delivered_seq, news.seq)
    FROM news WHERE me.chat_id = news.chat_id AND me.user_id = news.user_id
    RETURNING me.chat_id::text, me.user_id::text, me.delivered_seq, news.before, news.is_group, news.member_count
    """
_MARK_DELIVERED = Prepared("mark_delivered", _NOTE % "")
_MARK_UNLOCKED = Prepared("mark_unlocked", _NOTE % "SKIP LOCKED")
LOCKED_RECEIPTS_DELAY = 0.5
# Receipts of members whose row is locked, retried together on one connection: (chat, user) → `seq`.
_locked = PerApplication[dict[tuple[str, str], int]](dict)


def send_message(
    actor: Actor,
    *,
    chat_id: str,
    content: str,
    client_id: str | None = None,
    type: str = MessageType.TEXT,
    file_url: str | None = None,
    file_name: str | None = None,
    file_size: int | None = None,
    reply_to_id: str | None = None,
    mentions: Json | None = None,
    metadata: Json | None = None,
    format: str | None = None,
) -> PendingMessage:
    """Send a message; the result's value is the `Message` as its sender sees it, once it is committed.

    It raises NotFound for non-members, Invalid for a file that the actor can't see, for a message with neither file nor
    content and for a reply to no message of the chat, Forbidden (`mention_all_forbidden`), and Invalid
    (`client_id_reused`) if another message was sent with that `client_id`.
    """
    if not file_url:
        if not content:
            raise Invalid("A field is not valid.", errors={"content": ["Must have 1–4000 characters after trimming."]})
        if type != MessageType.TEXT:
            raise Invalid("A field is not valid.", errors={"fileUrl": ["A message of this type needs a file."]})
    file = files.find_forwardable(actor, file_url) if file_url else None
    given = extras(reply_to_id, mentions, metadata, format)
    digest = fingerprint(chat_id, content, *([files.name_in(file_url) or ""] if file_url else []), extras=given)
    pending = PendingMessage(actor, chat_id, content, client_id, digest, file, given)
    # The message may have been sent before its file was deleted, and counts once against the limit of mentions.
    is_checked = (file_url and not file) or "mentionsAll" in given
    before = queries.sent_before(actor, chat_id, client_id, digest) if is_checked and client_id else None
    if before:
        pending.is_new = False
        pending.set(before)
        return pending
    if file_url and not file:
        raise Invalid("File not found.", errors=NO_SUCH_FILE)
    if "mentionsAll" in given:
        allow_mention_of_all(actor, chat_id)
    send(pending)
    return pending


def send_file(
    actor: Actor,
    *,
    chat_id: str,
    file: UploadedFile,
    content: str = "",
    client_id: str | None = None,
    reply_to_id: str | None = None,
    mentions: Json | None = None,
    metadata: Json | None = None,
    format: str | None = None,
) -> tuple[Message, bool]:
    """Like `send_message`, with an uploaded file; the file is deleted unless the message is committed.

    Raises UnsupportedType for a file type that is not accepted.
    """
    # Again after the upload, which may have taken minutes.
    require_member(actor, chat_id)
    given = extras(reply_to_id, mentions, metadata, format)
    digest = fingerprint(chat_id, content, file.name, file.digest, extras=given)
    if client_id and (before := queries.sent_before(actor, chat_id, client_id, digest)):
        return before, False
    if "mentionsAll" in given:
        allow_mention_of_all(actor, chat_id)
    with store_upload(actor, chat_id, file) as upload:
        pending = PendingMessage(actor, chat_id, content, client_id, digest, upload.file, given)
        send(pending)
        message = pending.get()
        if pending.is_new:
            upload.commit()
    return message, pending.is_new


def edit_message(actor: Actor, message_id: str, **fields: Any) -> Message:
    """Change the `content`, `mentions`, `metadata` or `format` of a message; returns it as the actor sees it.

    Raises NotFound, Forbidden for other senders, in a closed chat (`you_blocked`, `cannot_send`) and
    (`mention_all_forbidden`), Conflict for a deleted message, (`edit_window_over`) and (`too_many_edits`), Invalid for a text
    message without content.
    """
    with turn(queries.chat_of(message_id)), unit_of_work() as work:
        message = queries.known_message(work.db, actor, message_id)
        known = require(PERMISSIONS, MessagePermission.EDIT, actor, message)
        if changed := changes.edit(work, known, fields, actor=actor):
            details = {"chatId": known.chat_id, "fields": changed}
            audit.record_acting(work.db, actor, "message.updated", ("message", known.id), **details)
        return queries.message_seen(work.db, actor, message_id)


def delete_message(actor: Actor, message_id: str) -> schemas.MessageDeleted:
    """Delete a message, leaving a tombstone: `{messageId, chatId}`. Deleting it again changes nothing.

    Raises NotFound, Forbidden for an actor who is neither its sender nor a moderator.
    """
    with turn(queries.chat_of(message_id)), unit_of_work() as work:
        message = queries.known_message(work.db, actor, message_id, deleting=True)
        known = require(PERMISSIONS, MessagePermission.DELETE, actor, message)
        is_new, unused = changes.delete(work, known)
        if is_new:
            _audit_deletion(work, actor, known)
    delete_stored(unused)
    return {"messageId": known.id, "chatId": known.chat_id}


@in_turn
def mark_read(actor: Actor, chat_id: str, *, message_ids: list[str] | None = None) -> schemas.MessagesRead:
    """Mark a chat as read, up to the newest of `message_ids` or all of it.

    `messageIds` in the result are newly read, at most the newest `schemas.MAX_NAMED`. Raises NotFound for non-members, Invalid
    for ids that are no messages of the chat.
    """
    with unit_of_work() as work:
        reader = changes.lock_reader(work, actor, chat_id)
        up_to = reader.last_seq if message_ids is None else queries.newest_seq(work.db, actor, chat_id, message_ids)
        receipt = changes.read_up_to(work, actor, chat_id, reader, up_to)
        if reader.is_marked:
            _remove_mark(work, actor, chat_id)
        return {**receipt, "unreadCount": max(reader.last_seq - receipt["readSeq"], 0)}


def _remove_mark(work: UnitOfWork, actor: Actor, chat_id: str) -> None:
    """Remove the actor's mark of a chat as unread."""
    values = {"chat_id": chat_id, "user_id": actor.user_id, "me_rev": take_me_rev(work, actor.user_id)}
    state = work.db.execute(_REMOVE_MARK, values).scalar_one()
    announce(work, actor.user_id, state["meRev"], "me:chat", state)


def fetch_messages(
    actor: Actor,
    chat_id: str,
    *,
    limit: int,
    after: int | None = None,
    cursor: tuple[str, int] | None = None,
    around: int | str | None = None,
) -> Page:
    """A page of a chat's messages (see `pages.list_messages`), which also delivers them to the actor, unless it is an API
    key that acts as a user."""
    fetched = pages.list_messages(actor, chat_id, limit=limit, after=after, cursor=cursor, around=around)
    if fetched.newest_seq and not actor.acting:
        mark_delivered([(chat_id, actor.user_id, fetched.newest_seq)])
    return fetched.page


def sync(
    actor: Actor,
    *,
    chats: dict[str, int],
    only_named: bool = False,
    cursor: tuple[int, str] | None = None,
    me: int | None = None,
) -> schemas.SyncResponse:
    """The changes that the actor missed, given the highest `rev` that they have of each chat, and the `meRev` that they have
    of their own state (see `sync.missed`)."""
    found = missed(actor, chats, only_named=only_named, cursor=cursor, me=me)
    if found.newest and not actor.acting:
        mark_delivered([(chat_id, actor.user_id, seq) for chat_id, seq in found.newest.items()])
    return found.response


def mark_delivered(newest: Collection[tuple[str, str, int]]) -> None:
    """Record new deliveries: (chat, user, highest `seq`)."""
    _note_delivered(newest, _MARK_DELIVERED)


def mark_delivered_soon(newest: Collection[tuple[str, str, int]]) -> None:
    """Like `mark_delivered`, for many at once: locked member rows don't block others, and are retried later."""
    try:
        _note_delivered(newest, _MARK_DELIVERED, lock_bounded=True)
    except Locked:
        noted = _note_delivered(newest, _MARK_UNLOCKED, lock_bounded=True)
        left = [(each[:2], each[2]) for each in newest if each[:2] not in noted]
        locked = _locked.get()
        if left and not locked:
            spawn_later(LOCKED_RECEIPTS_DELAY, _note_locked)
        for member, seq in left:
            locked[member] = max(seq, locked.get(member, 0))


def _note_locked() -> None:
    newest = [(chat_id, user_id, seq) for (chat_id, user_id), seq in _locked.get().items()]
    _locked.get().clear()
    try:
        mark_delivered_soon(newest)
    except Unavailable as error:
        log.warning("receipts_dropped", count=len(newest), reason=error.code)


def _note_delivered(
    newest: Collection[tuple[str, str, int]], statement: Prepared, *, lock_bounded: bool = False
) -> set[tuple[str, str]]:
    """Run a statement that records deliveries, and announce them; returns (chat, user) of each."""
    chat_ids, user_ids, seqs = map(array, zip(*newest, strict=True))
    delivered: dict[str, dict[str, int]] = defaultdict(dict)
    groups: set[str] = set()
    # In large groups, the range of newly delivered messages: after one `seq`, up to another.
    news: dict[str, tuple[int, int]] = {}
    with unit_of_work(single=True, lock_bounded=lock_bounded) as work:
        values = {"chat_ids": chat_ids, "user_ids": user_ids, "seqs": seqs}
        for chat_id, user_id, seq, before, is_group, member_count in statement.execute(work.db, values):
            delivered[chat_id][user_id] = seq
            if is_group:
                groups.add(chat_id)
            if member_count > MAX_ALL_RECEIPTS:
                after, up_to = news.get(chat_id, (before, seq))
                news[chat_id] = min(after, before), max(up_to, seq)
        senders = queries.senders(work.db, news, limit=schemas.MAX_NAMED) if news else {}
        for chat_id, receipts in delivered.items():
            work.announce(MessagesDelivered(chat_id, chat_id in groups, receipts, senders.get(chat_id)))
    return {(chat_id, user_id) for chat_id, receipts in delivered.items() for user_id in receipts}


def _audit_deletion(work: UnitOfWork, actor: Actor, message: KnownMessage) -> None:
    """Write an entry for a deletion by a key, and for one by a moderator of another user's message."""
    if actor.acting or (message.moderated and message.sender_id != actor.user_id):
        target = ("message", message.id)
        details = {"chatId": message.chat_id, "senderId": message.sender_id}
        audit.record_action(work.db, actor, "message.deleted", target, **details)
