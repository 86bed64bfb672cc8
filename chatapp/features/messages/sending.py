"""Sends messages in batches: waiting messages are stored by one statement and one commit.

A commit costs PostgreSQL the same for any number of rows. So a message joins the next batch, without a timer: while one
batch is committed the next one gathers, and an idle server sends a single message at once. One batch at a time keeps
messages in the order in which they were sent.

A chat that stays locked (by a deletion, a migration, a manual change) would block all others: its messages leave the
batch after `LOCK_TIMEOUT_MS` and wait in a queue of their own.
"""

import time
from collections.abc import Sequence

import gevent
import psycopg2
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from chatapp.core import metrics, outbox
from chatapp.core.batching import Batcher, spawn
from chatapp.core.db import LOCK_BOUNDED_CONNECTIONS, Locked
from chatapp.core.errors import Invalid, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.core.prepared import Prepared, array
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.chats.queries import FILE_FIELDS
from chatapp.features.files.queries import StoredFile
from chatapp.features.messages import queries
from chatapp.features.messages.events import MessageSent
from chatapp.models.enums import DeliveryStatus, MessageType

# The statement joins some rows with each other: beyond this, one batch costs more than two.
MAX_BATCH = 128
# How long a message waits for a lock before it fails, and how long a queue pauses between two attempts, in seconds.
MAX_LOCK_WAIT = 15.0
FIRST_PAUSE = 0.02
LAST_PAUSE = 0.3
NO_SUCH_FILE = {"fileUrl": ["Not a file that you can access."]}
# Plain strings, which orjson encodes faster than enumerations.
_TEXT, _SENT = MessageType.TEXT.value, DeliveryStatus.SENT.value
_NO_FILE = dict.fromkeys(("fileUrl", "fileName", "fileSize", "thumbnailUrl", "width", "height"))


# Membership, idempotency, each chat's next numbers, the senders' implicit receipts and the rows, in one round trip.
# Locks are taken in the order members, chats, each by id, so that batches never deadlock. The removal of a member
# deletes their row before it locks the chat, so that a removed member's send precedes that or finds no row.
def _statement(name: str, *, outbox: str = "") -> Prepared:
    return Prepared(
        name,
        f"""
    WITH draft AS (
        SELECT * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:chat_ids AS uuid[]), CAST(:sender_ids AS uuid[]), CAST(:types AS text[]),
            CAST(:contents AS text[]), CAST(:upload_ids AS uuid[]), CAST(:client_ids AS uuid[]), CAST(:digests AS bytea[])
        ) WITH ORDINALITY d (id, chat_id, sender_id, type, content, upload_id, client_id, client_digest, place)
    ), sender AS (
        SELECT chat_id, user_id FROM members
        WHERE (chat_id, user_id) IN (SELECT d.chat_id, d.sender_id FROM draft d)
        ORDER BY chat_id, user_id FOR NO KEY UPDATE
    ), accepted AS (
        SELECT d.*, row_number() OVER (PARTITION BY d.chat_id ORDER BY d.place) AS n
        FROM draft d
        WHERE EXISTS (SELECT FROM sender s WHERE s.chat_id = d.chat_id AND s.user_id = d.sender_id)
        AND NOT EXISTS (SELECT FROM messages m WHERE m.sender_id = d.sender_id AND m.client_id = d.client_id)
    ), locked AS (
        SELECT c.id, a.n FROM chats c JOIN (SELECT chat_id, count(*) AS n FROM accepted GROUP BY chat_id) a
        ON a.chat_id = c.id ORDER BY c.id FOR NO KEY UPDATE OF c
    ), chat AS (
        UPDATE chats c SET last_seq = c.last_seq + l.n, last_rev = c.last_rev + l.n,
                           updated_at = greatest(c.updated_at, clock_timestamp())
        FROM locked l WHERE c.id = l.id
        RETURNING c.id, c.last_seq - l.n AS seq, c.last_rev - l.n AS rev, c.updated_at
    ), numbered AS (
        SELECT a.*, c.seq + a.n AS seq, c.rev + a.n AS rev, c.updated_at AS created_at
        FROM accepted a JOIN chat c ON c.id = a.chat_id
    ), receipt AS (
        UPDATE members r SET read_seq = s.seq, delivered_seq = s.seq
        FROM (SELECT chat_id, sender_id, max(seq) AS seq FROM numbered GROUP BY chat_id, sender_id) s
        WHERE r.chat_id = s.chat_id AND r.user_id = s.sender_id
    ), stored AS (
        INSERT INTO messages (id, chat_id, seq, rev, sender_id, type, content, upload_id, client_id, client_digest,
                              created_at)
        SELECT id, chat_id, seq, rev, sender_id, type, content, upload_id, client_id, client_digest, created_at
        FROM numbered
    ){outbox}
    SELECT m.id::text, m.seq, m.rev, wire_time(m.created_at), s.username, s.avatar,
           CASE WHEN m.upload_id IS NOT NULL THEN (
               SELECT json_build_object({FILE_FIELDS}) FROM uploads f WHERE f.id = m.upload_id) END
    FROM numbered m JOIN users s ON s.id = m.sender_id
    ORDER BY m.place
    """,
    )


_SEND = _statement("send")
# With a row for each `once` subscriber; while none is interested, the send pays nothing for the outbox.
_SEND_AND_RECORD = _statement(
    "send_and_record",
    outbox=""", recorded AS (
        INSERT INTO outbox (subscriber, type, chat_id, rev, subject)
        SELECT o.subscriber, 'MessageSent', m.chat_id, m.rev, m.id
        FROM numbered m, unnest(CAST(:subscribers AS text[])) o (subscriber)
        ORDER BY m.place
    )""",
)


class PendingMessage(AsyncResult):  # type: ignore[misc]
    """A message that waits for its commit. Its value is the `Message` as its sender sees it.

    `is_new` is False if it was sent before, with the same `client_id`.
    """

    def __init__(
        self, actor: Actor, chat_id: str, content: str, client_id: str | None, digest: bytes, file: StoredFile | None
    ) -> None:
        super().__init__()
        self.actor = actor
        self.chat_id = chat_id
        self.content = content
        self.client_id = client_id
        # Hash of the content, which distinguishes a repetition from a reused clientId.
        self.digest = digest
        self.file = file
        self.id = new_id()
        self.is_new = True
        self.began = time.perf_counter()


def send(pending: PendingMessage) -> None:
    """Add a message to the next batch. Never blocks."""
    _batcher.put(pending)


def _send(batch: Sequence[PendingMessage]) -> None:
    """Send a batch. The messages of locked chats leave it and wait on their own."""
    for pending in _send_batch([s for s in batch if not _joins_queue(s)] if _queues else batch):
        if not _joins_queue(pending):
            _queues[pending.chat_id] = [pending]
            spawn(_send_queue, pending.chat_id)


def _joins_queue(pending: PendingMessage) -> bool:
    """Queue a message behind earlier ones of its chat that wait for a lock; False if there are none."""
    queue = _queues.get(pending.chat_id)
    if queue is not None:
        queue.append(pending)
    return queue is not None


def _send_queue(chat_id: str) -> None:
    """Send the queued messages of one chat in order. Waits for a lock in short turns, so that few connections wait
    however many chats are locked."""
    queue = _queues[chat_id]
    pause = FIRST_PAUSE
    try:
        while queue:
            batch = queue[:MAX_BATCH]
            with _queue_slots:
                locked = _send_batch(batch)
            queue[: len(batch)] = locked
            pause = min(2 * pause, LAST_PAUSE) if locked else FIRST_PAUSE
            if locked:
                _give_up_late(queue)
                gevent.sleep(pause)
    finally:
        del _queues[chat_id]


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
            gevent.spawn(_explain, pending)
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
            gevent.spawn(_explain, batch[0], gone=batch[0].file is not None)
        else:
            batch[0].set_exception(error)
        return []
    except BaseException as error:
        for pending in batch:
            pending.set_exception(error)
        return []
    for pending in batch:
        if message := stored.get(pending.id):
            pending.set(message)
        else:
            gevent.spawn(_explain, pending)
    return []


def _store(batch: Sequence[PendingMessage]) -> dict[str, Json]:
    """Store a batch; returns the stored messages by id, as their senders see them."""
    values = {
        "ids": array(s.id for s in batch),
        "chat_ids": array(s.chat_id for s in batch),
        "sender_ids": array(s.actor.user_id for s in batch),
        "types": array(s.file.type if s.file else _TEXT for s in batch),
        "contents": [s.content for s in batch],
        "upload_ids": array(s.file.id if s.file else "NULL" for s in batch),
        "client_ids": array(s.client_id or "NULL" for s in batch),
        "digests": [s.digest if s.client_id else None for s in batch],
    }
    if subscribers := outbox.interested(MessageSent):
        values["subscribers"] = subscribers
    statement = _SEND_AND_RECORD if subscribers else _SEND
    drafts = {s.id: s for s in batch}
    stored = {}
    with unit_of_work(single=True, lock_bounded=True) as work:
        for id, seq, rev, created_at, username, avatar, file in statement.execute(work.db, values):
            pending = drafts[id]
            sender_id = pending.actor.user_id
            message: Json = {
                "id": id,
                "chatId": pending.chat_id,
                "seq": seq,
                "rev": rev,
                "senderId": sender_id,
                "sender": {"id": sender_id, "username": username, "avatar": avatar},
                "content": pending.content,
                "type": pending.file.type if pending.file else _TEXT,
                **(file or _NO_FILE),
                "clientId": pending.client_id,
                "isEdited": False,
                "isDeleted": False,
                "createdAt": created_at,
                "editedAt": None,
            }
            work.announce(MessageSent(pending.chat_id, rev, message))
            stored[id] = message | {"status": _SENT}
    metrics.batch_sizes.observe(len(batch))
    for pending in batch:
        metrics.send_seconds.observe(work.committed_at - pending.began)
    return stored


def _explain(pending: PendingMessage, *, gone: bool = False) -> None:
    """Settle a message that was not stored: it was sent before, its file is `gone`, or its sender is not a member."""
    try:
        before = None
        if pending.client_id:
            before = queries.sent_before(pending.actor, pending.chat_id, pending.client_id, pending.digest)
        if before is None and gone:
            raise Invalid("File not found.", errors=NO_SUCH_FILE)
        if before is None:
            raise NotFound(queries.NOT_VISIBLE)
        pending.is_new = False
        pending.set(before)
    except Exception as error:
        pending.set_exception(error)


_batcher = Batcher(_send, MAX_BATCH)
# Messages that wait for a lock, by chat. Later messages of the chat join its queue until that is empty.
_queues: dict[str, list[PendingMessage]] = {}
# Of the connections for bounded waits, one is left to the batch, and one to receipts.
_queue_slots = BoundedSemaphore(LOCK_BOUNDED_CONNECTIONS - 2)
