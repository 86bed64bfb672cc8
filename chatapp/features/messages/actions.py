"""Actions on messages: send, edit, delete, and record receipts."""

import hashlib
from collections import defaultdict
from collections.abc import Collection

import gevent
import structlog
from sqlalchemy import text

from chatapp.core.db import Locked
from chatapp.core.errors import Conflict, Invalid, Json, NotFound, Unavailable
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page
from chatapp.core.permissions import require
from chatapp.core.prepared import Prepared, array
from chatapp.core.turns import in_turn, turn
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.core.uploads import UploadedFile
from chatapp.features.files import queries as files
from chatapp.features.files.actions import delete_stored, delete_unreferenced, store_upload
from chatapp.features.messages import queries
from chatapp.features.messages.events import MessageDeleted, MessageEdited, MessagesDelivered, MessagesRead
from chatapp.features.messages.permissions import PERMISSIONS, KnownMessage, MessagePermission
from chatapp.features.messages.schemas import MAX_NAMED
from chatapp.features.messages.sending import NO_SUCH_FILE, PendingMessage, send
from chatapp.features.messages.sync import missed
from chatapp.models.enums import MessageType

log = structlog.get_logger()

# Lock the chat's row before checking the message, to wait for a running deletion.
_LOCK_CHAT = text("SELECT FROM chats WHERE id = :chat_id FOR NO KEY UPDATE")
_CHANGE = """
    WITH chat AS (
        UPDATE chats SET last_rev = last_rev + 1
        WHERE id = :chat_id AND EXISTS (SELECT FROM messages WHERE id = :id AND deleted_at IS NULL)
        RETURNING last_rev
    )
    UPDATE messages m SET rev = chat.last_rev, %s FROM chat WHERE m.id = :id RETURNING m.rev
"""
_EDIT = text(_CHANGE % "content = :content, edited_at = clock_timestamp()")
_DELETE = text(_CHANGE % "content = NULL, upload_id = NULL, deleted_at = clock_timestamp()")
_FILE_OF = text("SELECT upload_id::text FROM messages WHERE id = :id")

_LOCK_ME = text(
    """
    SELECT me.read_seq, c.last_seq, c.member_count FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id FOR NO KEY UPDATE OF me
    """
)
_MARK_READ = text(
    """
    UPDATE members SET read_seq = :seq, delivered_seq = greatest(delivered_seq, :seq)
    WHERE chat_id = :chat_id AND user_id = :user_id
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
_locked: dict[tuple[str, str], int] = {}
# In larger groups a receipt goes only to the members whose messages it is about.
MAX_ALL_RECEIPTS = 50


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
) -> PendingMessage:
    """Send a message; the result's value is the `Message` as its sender sees it, once it is committed.

    It raises NotFound for non-members, Invalid for a file that the actor can't see, and Invalid (`client_id_reused`) if
    another message was sent with that `client_id`.
    """
    file = files.find_forwardable(actor, file_url) if file_url else None
    digest = _fingerprint(chat_id, content, *([files.name_in(file_url) or ""] if file_url else []))
    pending = PendingMessage(actor, chat_id, content, client_id, digest, file)
    if file_url and not file:
        # The message may have been sent before its file was deleted.
        before = queries.sent_before(actor, chat_id, client_id, digest) if client_id else None
        if not before:
            raise Invalid("File not found.", errors=NO_SUCH_FILE)
        pending.is_new = False
        pending.set(before)
    else:
        send(pending)
    return pending


def send_file(
    actor: Actor, *, chat_id: str, file: UploadedFile, content: str = "", client_id: str | None = None
) -> tuple[Json, bool]:
    """Like `send_message`, with an uploaded file; the file is deleted unless the message is committed.

    Raises UnsupportedType for a file type that is not accepted.
    """
    queries.require_member(actor, chat_id)
    digest = _fingerprint(chat_id, content, file.name, file.digest)
    if client_id and (before := queries.sent_before(actor, chat_id, client_id, digest)):
        return before, False
    with store_upload(actor, chat_id, file) as upload:
        pending = PendingMessage(actor, chat_id, content, client_id, digest, upload.file)
        send(pending)
        message = pending.get()
        if pending.is_new:
            upload.commit()
    return message, pending.is_new


def _fingerprint(chat_id: str, content: str, *file: str) -> bytes:
    """Distinguishes a repeated message from another one with the same `clientId`."""
    return hashlib.blake2b("\0".join((chat_id, content, *file)).encode(), digest_size=16).digest()


def edit_message(actor: Actor, message_id: str, *, content: str) -> Json:
    """Edit a message; returns it as the actor sees it.

    Raises NotFound, Forbidden for other senders, Conflict for a deleted message, Invalid for a text message without
    content.
    """
    with turn(queries.chat_of(message_id)), unit_of_work() as work:
        message = _require(work, actor, message_id, MessagePermission.EDIT)
        if not content and message.type == MessageType.TEXT:
            raise Invalid("A message needs content.", errors={"content": ["Must have 1–4000 characters."]})
        if not work.db.execute(_EDIT, {"id": message.id, "chat_id": message.chat_id, "content": content}).rowcount:
            raise Conflict("The message was deleted.")
        payload = queries.message_event(work.db, message.id)
        work.announce(MessageEdited(message.chat_id, payload["rev"], payload))
        return queries.message_seen(work.db, actor, message.id)


def delete_message(actor: Actor, message_id: str) -> Json:
    """Delete a message, leaving a tombstone: `{messageId, chatId}`. Deleting it again changes nothing.

    Raises NotFound, Forbidden for an actor who is neither its sender nor a moderator.
    """
    with turn(queries.chat_of(message_id)), unit_of_work() as work:
        message = _require(work, actor, message_id, MessagePermission.DELETE, moderating=True)
        deleted = {"messageId": message.id, "chatId": message.chat_id}
        upload_id = work.db.execute(_FILE_OF, {"id": message.id}).scalar() if message.type != MessageType.TEXT else None
        rev = work.db.execute(_DELETE, {"id": message.id, "chat_id": message.chat_id}).scalar()
        if rev is not None:
            work.announce(MessageDeleted(message.chat_id, rev, deleted | {"rev": rev}))
        unused = delete_unreferenced(work.db, upload_id) if upload_id else []
    delete_stored(unused)
    return deleted


@in_turn
def mark_read(actor: Actor, chat_id: str, *, message_ids: list[str] | None = None) -> Json:
    """Mark a chat as read, up to the newest of `message_ids` or all of it.

    `messageIds` in the result are newly read, at most the newest `MAX_NAMED`. Raises NotFound for non-members, Invalid
    for ids that are no messages of the chat.
    """
    who = {"chat_id": chat_id, "user_id": actor.user_id}
    with unit_of_work() as work:
        me = work.db.execute(_LOCK_ME, who).first()
        if me is None:
            raise NotFound(queries.NOT_VISIBLE)
        up_to = me.last_seq if message_ids is None else queries.newest_seq(work.db, chat_id, message_ids)
        read_seq, newly_read, audience = me.read_seq, list[str](), None
        if up_to > read_seq:
            work.db.execute(_MARK_READ, who | {"seq": up_to})
            newly_read, senders = queries.message_ids(work.db, chat_id, after=read_seq, up_to=up_to, limit=MAX_NAMED)
            if me.member_count > MAX_ALL_RECEIPTS:
                audience = sorted(senders | {actor.user_id})
            read_seq = up_to
        receipt = {"chatId": chat_id, "userId": actor.user_id, "messageIds": newly_read, "readSeq": read_seq}
        if newly_read:
            work.announce(MessagesRead(chat_id, receipt, audience))
        return receipt | {"unreadCount": me.last_seq - read_seq}


def fetch_messages(
    actor: Actor, chat_id: str, *, limit: int, after: int | None = None, cursor: tuple[str, int] | None = None
) -> Page:
    """A page of a chat's messages (see `queries.list_messages`), which also delivers them to the actor."""
    fetched = queries.list_messages(actor, chat_id, limit=limit, after=after, cursor=cursor)
    if fetched.newest_seq:
        mark_delivered([(chat_id, actor.user_id, fetched.newest_seq)])
    return fetched.page


def sync(
    actor: Actor, *, chats: dict[str, int], only_named: bool = False, cursor: tuple[int, str] | None = None
) -> Json:
    """The changes that the actor missed, given the highest `rev` that they have of each chat (see `sync.missed`)."""
    found = missed(actor, chats, only_named=only_named, cursor=cursor)
    if found.newest:
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
        if left and not _locked:
            gevent.spawn_later(LOCKED_RECEIPTS_DELAY, _note_locked)
        for member, seq in left:
            _locked[member] = max(seq, _locked.get(member, 0))


def _note_locked() -> None:
    newest = [(chat_id, user_id, seq) for (chat_id, user_id), seq in _locked.items()]
    _locked.clear()
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
        senders = queries.senders(work.db, news, limit=MAX_NAMED) if news else {}
        for chat_id, receipts in delivered.items():
            work.announce(MessagesDelivered(chat_id, chat_id in groups, receipts, senders.get(chat_id)))
    return {(chat_id, user_id) for chat_id, receipts in delivered.items() for user_id in receipts}


def _require(
    work: UnitOfWork, actor: Actor, message_id: str, permission: MessagePermission, *, moderating: bool = False
) -> KnownMessage:
    """The message, with its chat's row locked, if the actor has the permission."""
    message = queries.known_message(work.db, actor, message_id, moderating=moderating)
    known = require(PERMISSIONS, permission, actor, message)
    work.db.execute(_LOCK_CHAT, {"chat_id": known.chat_id})
    return known
