"""Sends messages in batches: waiting messages are stored by one statement and one commit.

A commit costs PostgreSQL the same for any number of rows. So a message joins the next batch: while one batch is committed
the next one gathers, and an idle server sends a single message at once. One batch at a time keeps messages in the order in
which they were sent.

A chat that stays locked (by a deletion, a migration, a manual change) would block all others: its messages leave the
batch after `LOCK_TIMEOUT_MS` and wait in a queue of their own.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import gevent
import orjson
import psycopg2
from gevent.lock import BoundedSemaphore

from chatapp.core import application, metrics, outbox
from chatapp.core.application import PerApplication
from chatapp.core.batching import Batcher, Result, spawn
from chatapp.core.db import LOCK_BOUNDED_CONNECTIONS, Locked
from chatapp.core.errors import Invalid, Json
from chatapp.core.identity import Actor, Principal
from chatapp.core.ids import new_id
from chatapp.core.objects import EncodedObject
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.chats.events import MessageSent
from chatapp.features.chats.queries import require_member
from chatapp.features.files.queries import StoredFile
from chatapp.features.messages import queries
from chatapp.features.messages.extras import Extras
from chatapp.features.messages.send_statements import COLUMNS, SEND, SEND_ONE
from chatapp.models.enums import DeliveryStatus, MessageType
from chatapp.representations.message import (
    BLANK,
    DIGEST_BYTES,
    DRAFT,
    ForwardedFrom,
    Message,
    MessageEvent,
    Quote,
    Sender,
)

# The statement joins some rows with each other: beyond this, one batch costs more than two.
MAX_BATCH = 128
# How long a batch waits for more messages under load.
GATHER_SECONDS = 0.001
# How long a message waits for a lock before it fails, and how long a queue pauses between two attempts, in seconds.
MAX_LOCK_WAIT = 15.0
FIRST_PAUSE = 0.02
LAST_PAUSE = 0.3
NO_SUCH_FILE = {"fileUrl": ["Not a file that you can access."]}
NO_SUCH_MESSAGE = {"replyToId": ["Not a message of this chat that you can reply to."]}
# Plain strings, which orjson encodes faster than enumerations.
_TEXT, _SENT = MessageType.TEXT.value, DeliveryStatus.SENT.value
_SENT_JSON = b',"status":"%b"}' % _SENT.encode()


class PendingMessage(Result[Message]):
    """A message that waits for its commit. The result is the `Message` as its sender sees it.

    `is_new` is False if it was sent before, with the same `client_id`.
    """

    __slots__ = (
        "actor",
        "began",
        "chat_id",
        "client_id",
        "digest",
        "extras",
        "file",
        "id",
        "is_new",
        "message",
        "stored",
    )

    def __init__(
        self,
        actor: Actor,
        chat_id: str,
        content: str,
        client_id: str | None,
        digest: bytes,
        file: StoredFile | None,
        extras: Extras | None = None,
    ) -> None:
        super().__init__()
        self.actor = actor
        self.chat_id = chat_id
        self.client_id = client_id
        # Hash of the content, which distinguishes a repetition from a reused clientId.
        self.digest = digest
        self.file = file
        self.extras = extras
        self.id = new_id()
        # What the database adds, and the file, is blank.
        self.message: MessageEvent = BLANK | {
            "id": self.id,
            "chatId": chat_id,
            "senderId": actor.user_id,
            "content": content,
            "type": file.type if file else _TEXT,
            "clientId": client_id,
        }
        self.is_new = True
        # The message as all members see it, once it is committed.
        self.stored: EncodedObject | None = None
        self.began = time.perf_counter()

    def draft(self) -> dict[str, object]:
        """The stored columns, by field; the database adds the others."""
        message: Mapping[str, object] = self.message
        draft = {field: message[field] for field in DRAFT}
        if self.client_id:
            draft["clientDigest"] = rf"\x{self.digest.hex()}"
        if self.file:
            draft["uploadId"] = self.file.id
        return draft | self.extras if self.extras else draft

    def get(self, timeout: float | None = None) -> Message:
        """Wait for the result."""
        message = super().get(timeout)
        return cast(Message, {**self.stored, "status": _SENT}) if self.stored else message

    def json(self) -> bytes:
        """The JSON of the result: that of the event, and the status."""
        return self.stored.json[:-1] + _SENT_JSON if self.stored else super().json()

    def commit(self, stored: EncodedObject) -> None:
        """The message is committed."""
        self.stored = stored
        self.settle()


def send(pending: PendingMessage) -> None:
    """Add a message to the next batch. Never blocks."""
    _batcher.get().put(pending)


def _send(batch: Sequence[PendingMessage]) -> None:
    """Send a batch. The messages of locked chats leave it and wait on their own."""
    queues = _queues.get()
    for pending in _send_batch([s for s in batch if not _joins_queue(s)] if queues else batch):
        if not _joins_queue(pending):
            queues[pending.chat_id] = [pending]
            spawn(_send_queue, pending.chat_id)


def _joins_queue(pending: PendingMessage) -> bool:
    """Queue a message behind earlier ones of its chat that wait for a lock; False if there are none."""
    queue = _queues.get().get(pending.chat_id)
    if queue is not None:
        queue.append(pending)
    return queue is not None


def _send_queue(chat_id: str) -> None:
    """Send the queued messages of one chat in order. Waits for a lock in short turns, so that few connections wait
    however many chats are locked."""
    queue = _queues.get()[chat_id]
    pause = FIRST_PAUSE
    try:
        while queue:
            batch = queue[:MAX_BATCH]
            with _queue_slots.get():
                locked = _send_batch(batch)
            queue[: len(batch)] = locked
            pause = min(2 * pause, LAST_PAUSE) if locked else FIRST_PAUSE
            if locked:
                _give_up_late(queue)
                gevent.sleep(pause)
    finally:
        del _queues.get()[chat_id]


def _give_up_late(queue: list[PendingMessage]) -> None:
    """Fail messages that have waited for `MAX_LOCK_WAIT`."""
    while queue and time.perf_counter() > queue[0].began + MAX_LOCK_WAIT:
        queue.pop(0).set_exception(Locked("This chat is being changed. Try again."))


def _send_batch(batch: Sequence[PendingMessage]) -> list[PendingMessage]:
    """Send a batch; of messages with the same clientId only the first, which the others then find stored.

    Returns the messages that are not settled, in order: a chat or a sender's membership was locked.
    """
    firsts: dict[tuple[str, str], PendingMessage] = {}
    for pending in batch:
        firsts.setdefault(_key(pending), pending)
    locked = set(_commit_batch(list(firsts.values())))
    left = []
    for pending in batch:
        first = firsts[_key(pending)]
        if first in locked:
            left.append(pending)
        elif first is not pending:
            application.spawn(_explain, pending)
    return left


def _key(pending: PendingMessage) -> tuple[str, str]:
    return pending.actor.user_id, pending.client_id or pending.id


def _commit_batch(batch: Sequence[PendingMessage]) -> list[PendingMessage]:
    """Commit a batch and announce its events; settles every message, except those that it returns because of a lock
    timeout."""
    if not batch:
        return []
    try:
        stored = _store(batch)
    except Locked:
        return list(batch)
    except psycopg2.Error as error:
        # A clientId that another worker stored at this moment, a deleted file, or an error that a single message
        # causes.
        if len(batch) > 1:
            return [locked for pending in batch for locked in _commit_batch([pending])]
        if isinstance(error, psycopg2.IntegrityError):
            application.spawn(_explain, batch[0], gone=batch[0].file is not None)
        else:
            batch[0].set_exception(error)
        return []
    except BaseException as error:
        for pending in batch:
            pending.set_exception(error)
        return []
    for pending in batch:
        if message := stored.get(pending.id):
            pending.commit(message)
        else:
            application.spawn(_explain, pending)
    return []


def _store(batch: Sequence[PendingMessage]) -> dict[str, EncodedObject]:
    """Store a batch in a transaction of its own; returns the stored messages by id, as all members see them."""
    subscribers = outbox.interested(MessageSent)
    with unit_of_work(single=True, lock_bounded=True) as work:
        stored = store(work, batch, subscribers)
    metrics.batch_sizes.observe(len(batch))
    for pending in batch:
        metrics.send_seconds.observe(work.committed_at - pending.began)
    return stored


def store(
    work: UnitOfWork, batch: Sequence[PendingMessage], subscribers: Sequence[str] = ()
) -> dict[str, EncodedObject]:
    """Store a batch and announce its messages; returns the stored ones by id, as all members see them.

    The statement writes the rows for `subscribers`: a transaction of several statements records its events itself.
    """
    values: Json
    entries = [_audit_entry(pending.id, pending.actor.acting) for pending in batch if pending.actor.acting]
    extended = any(pending.extras for pending in batch)
    if subscribers or entries or extended or len(batch) > 1:
        statement = SEND[bool(subscribers), bool(entries), extended]
        values = {"drafts": orjson.dumps([pending.draft() for pending in batch]).decode(), "count": len(batch)}
        values |= {"subscribers": list(subscribers), "entries": orjson.dumps(entries).decode()}
    else:
        statement, values = SEND_ONE, dict.fromkeys(COLUMNS) | batch[0].draft()
    drafts = {s.id: s for s in batch}
    stored: dict[str, EncodedObject] = {}
    for id, seq, rev, created_at, username, avatar, display_name, is_bot, file, *extras in statement.execute(
        work.db, values
    ):
        pending = drafts[id]
        sender: Sender = {"id": pending.actor.user_id, "username": username, "avatar": avatar}
        if display_name:
            sender["displayName"] = display_name
        if is_bot:
            sender["isBot"] = True
        message: MessageEvent = pending.message | {
            "seq": seq,
            "rev": rev,
            "createdAt": created_at,
            "sender": sender,
        }
        if file:
            message.update(file)
        if pending.extras:
            message.update(_shown(pending.extras, *extras))
        stored[id] = encoded = EncodedObject(message)
        work.announce(MessageSent(pending.chat_id, rev, cast(MessageEvent, encoded)))
    return stored


def _shown(
    extras: Extras, quote: Quote | None, mention_ids: list[str] | None, forwarded_from: ForwardedFrom | None
) -> Any:
    """The fields of a message that show its extras, given what the database found of them."""
    mentions = {"userIds": mention_ids, "all": extras.get("mentionsAll")}
    shown = {
        "replyTo": quote,
        "mentions": {name: value for name, value in mentions.items() if value},
        "metadata": extras.get("metadata"),
        "format": extras.get("format"),
    }
    found = {name: value for name, value in shown.items() if value}
    # An author who does not want to be named: `{}`.
    return found if forwarded_from is None else found | {"forwardedFrom": forwarded_from}


def _audit_entry(message_id: str, principal: Principal) -> Json:
    """The entry in the audit log about a message of a key that acts as its sender."""
    return {
        "message": message_id,
        "id": new_id(),
        "type": principal.type,
        "actor": principal.id,
        "name": principal.name,
        "address": principal.address,
    }


def fingerprint(chat_id: str, content: str, *rest: str, extras: Extras | None = None) -> bytes:
    """Distinguishes a repeated message from another one with the same `clientId`: `DIGEST_BYTES` bytes. It finds mistakes
    of clients and protects nothing."""
    parts = [chat_id, content, *rest]
    if extras:
        # The order in which users are mentioned makes no other message.
        equal = extras | {"mentionIds": sorted(extras["mentionIds"])} if "mentionIds" in extras else extras
        parts.append(orjson.dumps(equal, option=orjson.OPT_SORT_KEYS).decode())
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()[:DIGEST_BYTES]


def _explain(pending: PendingMessage, *, gone: bool = False) -> None:
    """Settle a message that was not stored: it was sent before, its file is `gone`, its chat is closed, it replies to no
    message of the chat, or its sender is not a member."""
    try:
        before = None
        if pending.client_id:
            before = queries.sent_before(pending.actor, pending.chat_id, pending.client_id, pending.digest)
        if before is None and gone:
            raise Invalid("File not found.", errors=NO_SUCH_FILE)
        if before is None:
            queries.require_open(pending.actor, pending.chat_id)
        if before is None and pending.extras and "replyToId" in pending.extras:
            require_member(pending.actor, pending.chat_id)
            raise Invalid("A field is not valid.", errors=NO_SUCH_MESSAGE)
        if before is None:
            require_member(pending.actor, pending.chat_id)
            # What refused it is over by now: the chat was closed, or its sender not yet a member.
            if time.perf_counter() > pending.began + MAX_LOCK_WAIT:
                raise Locked("This chat is being changed. Try again.")
            send(pending)
            return
        pending.is_new = False
        pending.set(before)
    except Exception as error:
        pending.set_exception(error)


_batcher = PerApplication(lambda: Batcher(_send, MAX_BATCH, gather=GATHER_SECONDS))
# Messages that wait for a lock, by chat. Later messages of the chat join its queue until that is empty.
_queues = PerApplication[dict[str, list[PendingMessage]]](dict)
# Of the connections for bounded waits, one is left to the batch, and one to receipts.
_queue_slots = PerApplication(lambda: BoundedSemaphore(LOCK_BOUNDED_CONNECTIONS - 2))
