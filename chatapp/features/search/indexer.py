"""Keeps the index of the search: reads what changed in a chat since its last indexed `rev`, after the commit.

The worker that committed a change indexes it within half a second. What a killed worker, a command or a turned-off
index left behind, a job indexes (`jobs.py`). Two workers may want the same chat: a lock on its row of `chat_search` lets
one of them work, and the other one looks again.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import gevent
import regex
import structlog
from gevent.lock import BoundedSemaphore
from sqlalchemy import Connection, text

from chatapp.core import metrics, settings
from chatapp.core.application import PerApplication
from chatapp.core.db import reading, writing
from chatapp.core.errors import Json, Unavailable
from chatapp.core.events import Subscriber
from chatapp.core.prepared import Prepared, array, fetch
from chatapp.features.chats.events import MessageSent
from chatapp.features.messages.events import MessageChanged, MessageDeleted, MessageEdited
from chatapp.features.search.words import VERSION, index_words
from chatapp.models.enums import MessageType
from chatapp.representations.message import messages_since

log = structlog.get_logger()

# How often changes are indexed, in seconds; messages and chats of a transaction.
INDEX_SECONDS = 0.5
MAX_MESSAGES = 200
MAX_CHATS = 200
# How long words are made before other greenlets run, in seconds.
MAX_BLOCKING = 0.003
# Further chats are left to the job, and so are those that another worker keeps locked for so many seconds.
MAX_NOTED = 100_000
SKIPPED_SECONDS = 10.0
# How long a worker that ends indexes what it committed, in seconds.
END_SECONDS = 1.0
# With a space, which no word has: what a message has besides words.
HAS_LINK, HAS_FILE, HAS_IMAGE, MENTIONS_ALL = " link", " file", " image", " all"
LINK = regex.compile(r"https?://[^\s]", regex.IGNORECASE)

# What is lost with a crash of PostgreSQL is indexed again.
_NEED_NOT_WAIT = "SET LOCAL synchronous_commit = off; "
# Workers of an older version, while servers are updated, leave the chats alone that are indexed by newer rules.
_LOCK = Prepared(
    "lock_indexed",
    """
    SELECT s.chat_id::text, CASE WHEN s.version = CAST(:version AS smallint) THEN s.indexed_rev ELSE 0 END
    FROM chat_search s JOIN chats c ON c.id = s.chat_id AND NOT c.is_deleted
    WHERE s.chat_id = ANY(CAST(:ids AS uuid[])) AND s.version <= CAST(:version AS smallint)
    ORDER BY s.chat_id FOR NO KEY UPDATE OF s SKIP LOCKED
    """,
)
# A statement after the lock, for what was committed until then. A chat without changes has one row without a message.
_READ = Prepared(
    "read_changes",
    f"""
    SELECT s.chat_id::text, c.last_rev, m.rev, m.id::text, m.sender_id::text, m.type, m.deleted_at IS NOT NULL, m.content,
           (SELECT f.file_name FROM uploads f WHERE f.id = m.upload_id), m.mention_ids::text[], m.mentions_all
    FROM (
        SELECT chat_id, rev FROM unnest(CAST(:ids AS uuid[]), CAST(:revs AS bigint[])) n (chat_id, rev) ORDER BY chat_id
    ) s JOIN chats c ON c.id = s.chat_id AND NOT c.is_deleted LEFT JOIN LATERAL {messages_since("s.rev", str(MAX_MESSAGES))} m ON true
    ORDER BY s.chat_id, m.rev LIMIT {MAX_MESSAGES}
    """,
)
# The words may be as they were, after a reaction for example: then the row is not even locked.
_WRITE = Prepared(
    "write_words",
    """
    WITH deleted AS (
        DELETE FROM message_words w USING unnest(CAST(:deleted_from AS uuid[]), CAST(:deleted AS uuid[])) m (chat_id, id)
        WHERE w.chat_id = m.chat_id AND w.message_id = m.id
    ), written AS (
        INSERT INTO message_words (chat_id, message_id, sender_id, words)
        SELECT m.chat_id, m.id, m.sender_id, CAST(m.words AS tsvector)
        FROM unnest(CAST(:chat_ids AS uuid[]), CAST(:ids AS uuid[]), CAST(:sender_ids AS uuid[]), CAST(:words AS text[]))
             m (chat_id, id, sender_id, words)
        WHERE NOT EXISTS (
            SELECT FROM message_words w
            WHERE w.chat_id = m.chat_id AND w.message_id = m.id AND w.words = CAST(m.words AS tsvector)
        )
        ON CONFLICT (chat_id, message_id) DO UPDATE SET words = excluded.words
    )
    UPDATE chat_search s SET indexed_rev = r.rev, version = CAST(:version AS smallint)
    FROM unnest(CAST(:indexed AS uuid[]), CAST(:revs AS bigint[])) r (chat_id, rev)
    WHERE s.chat_id = r.chat_id AND (s.indexed_rev, s.version) IS DISTINCT FROM (r.rev, CAST(:version AS smallint))
    """,
)
# In a transaction of its own, and in order: two workers that add the same chats don't wait for each other's work.
_ADD = text(
    """
    INSERT INTO chat_search (chat_id, version)
    SELECT c.id, :version FROM chats c WHERE c.id = ANY(CAST(:ids AS uuid[])) AND NOT c.is_deleted
    AND NOT EXISTS (SELECT FROM chat_search s WHERE s.chat_id = c.id)
    ORDER BY c.id ON CONFLICT DO NOTHING RETURNING chat_id::text
    """
)
_KNOWN = text(
    """
    SELECT s.chat_id::text FROM chat_search s JOIN chats c ON c.id = s.chat_id AND NOT c.is_deleted
    WHERE s.chat_id = ANY(CAST(:ids AS uuid[])) AND s.version <= :version
    """
)


def vector(
    content: str,
    file_name: str | None = None,
    type: str = MessageType.TEXT,
    mention_ids: Iterable[str] = (),
    mentions_all: bool = False,
) -> str:
    """The `tsvector` of a message as text, empty for a message without words. Words need no escaping."""
    words = index_words(content) | index_words(file_name or "")
    if not words:
        return ""
    words.update(f" @{id}" for id in mention_ids)
    present = {
        HAS_LINK: LINK.search(content) is not None,
        HAS_FILE: type == MessageType.FILE,
        HAS_IMAGE: type == MessageType.IMAGE,
        MENTIONS_ALL: mentions_all,
    }
    words.update(word for word, has in present.items() if has)
    return " ".join(f"'{word}'" for word in words)


@dataclass(frozen=True, slots=True)
class Indexed:
    """What a call of `index` did: the number of changes that positions advanced by, the chats that have more changes,
    each with the `rev` to continue after, those that another worker is indexing, and those that could not be indexed.

    Chats that do not exist, or are indexed by the rules of a newer version, are in none of them.
    """

    changes: int = 0
    more: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def index(chats: Mapping[str, int]) -> Indexed:
    """Index up to `MAX_MESSAGES` changes of these chats, at most `MAX_CHATS`; raises Unavailable.

    The changes are those after the position of the chat. If the number of a chat is higher by more than `MAX_MESSAGES`,
    the index is behind: only the changes after that number are indexed, and those before it are left to the job.
    """
    try:
        return _index(chats)
    except Unavailable:
        raise
    except Exception:
        if len(chats) == 1:
            log.exception("chat_not_indexed", chat=next(iter(chats)))
            return Indexed(failed=list(chats))
    # One chat must not keep the others from being indexed.
    ids = list(chats)
    one, other = (index({id: chats[id] for id in half}) for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]))
    return Indexed(
        one.changes + other.changes, one.more | other.more, one.skipped + other.skipped, one.failed + other.failed
    )


def _index(chats: Mapping[str, int]) -> Indexed:
    with writing() as db:
        locked = fetch(db, _NEED_NOT_WAIT + _LOCK.ready(db), {"ids": array(chats), "version": VERSION})
        positions: dict[str, int] = dict(locked)
        changes, more = _index_locked(db, chats, positions) if positions else (0, {})
    skipped: list[str] = []
    if missing := [id for id in chats if id not in positions]:
        values: Json = {"ids": missing, "version": VERSION}
        with reading() as db:
            added = db.scalars(_ADD, values).all()
            more |= {id: chats[id] for id in added}
            skipped = [id for id in db.scalars(_KNOWN, values) if id not in added]
    return Indexed(changes, more, skipped)


def _index_locked(db: Connection, chats: Mapping[str, int], positions: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """Index chats whose positions are locked; returns the number of changes, and the chats that have more."""
    starts = {id: chats[id] if chats[id] > position + MAX_MESSAGES else position for id, position in positions.items()}
    rows = _READ.execute(db, {"ids": array(starts), "revs": array(starts.values())})
    written: list[tuple[str, str, str, str]] = []
    deleted: list[tuple[str, str]] = []
    reached: dict[str, int] = {}
    began = time.monotonic()
    for chat_id, last_rev, _, id, sender_id, type, is_deleted, content, file_name, mentioned, to_all in rows:
        reached[chat_id] = last_rev
        if id is None or type == MessageType.SYSTEM:
            continue
        words = "" if is_deleted else vector(content or "", file_name, type, mentioned or (), bool(to_all))
        if words:
            written.append((chat_id, id, sender_id, words))
        else:
            deleted.append((chat_id, id))
        if time.monotonic() > began + MAX_BLOCKING:
            gevent.sleep(0)
            began = time.monotonic()
    more: dict[str, int] = {}
    if len(rows) == MAX_MESSAGES:
        more = {id: chats[id] for id in starts if id not in reached}
        chat_id, _, rev, *_ = rows[-1]
        if rev is not None:
            more[chat_id] = reached[chat_id] = rev
    advanced = {id: rev for id, rev in reached.items() if starts[id] == positions[id]}
    if reached:
        values = _arrays(("chat_ids", "ids", "sender_ids"), written) | {"words": [row[3] for row in written]}
        values |= _arrays(("deleted_from", "deleted"), deleted) | _arrays(("indexed", "revs"), advanced.items())
        _WRITE.execute(db, values | {"version": VERSION})
    metrics.search_indexed.inc(by=len(written))
    return sum(rev - positions[id] for id, rev in advanced.items()), more


def _arrays(names: Sequence[str], rows: Collection[Sequence[object]]) -> Json:
    """The first columns of the rows as arrays, by name."""
    return {name: array(row[place] for row in rows) for place, name in enumerate(names)}


class _Noted(NamedTuple):
    """Since when (time.monotonic()) a chat has changes that are not indexed, and the `rev` that the first of them is
    after."""

    since: float
    after: int


class Indexer:
    """The chats with changes that this worker has committed and not indexed yet."""

    def __init__(self) -> None:
        self._changed: dict[str, _Noted] = {}
        self._indexing: dict[str, _Noted] = {}
        self._turn = BoundedSemaphore()
        metrics.search_lag.set_function(self.lag)

    def note(self, chat_id: str, rev: int) -> None:
        """This change of a message of the chat was committed."""
        if noted := self._changed.get(chat_id):
            if rev <= noted.after:
                self._changed[chat_id] = noted._replace(after=rev - 1)
        elif len(self._changed) < MAX_NOTED:
            self._changed[chat_id] = _Noted(time.monotonic(), rev - 1)

    def lag(self) -> float:
        """The age in seconds of the oldest change that is not indexed."""
        now = time.monotonic()
        return now - min(
            (noted.since for each in (self._changed, self._indexing) for noted in each.values()), default=now
        )

    def run(self) -> None:
        """Index what has changed until now."""
        with self._turn:
            waiting = list(self._changed)
            while waiting:
                chat_ids, waiting = waiting[:MAX_CHATS], waiting[MAX_CHATS:]
                waiting += self._index(chat_ids)
                gevent.sleep(0)

    def _index(self, chat_ids: Sequence[str]) -> Iterable[str]:
        """Index these chats; returns those that have more changes."""
        # A chat that changes meanwhile is noted again.
        self._indexing = {id: self._changed.pop(id) for id in chat_ids}
        kept = {id: noted.after for id, noted in self._indexing.items()}
        try:
            indexed = index(kept)
            since = time.monotonic() - SKIPPED_SECONDS
            kept = indexed.more | {id: kept[id] for id in indexed.skipped if self._indexing[id].since > since}
            return indexed.more
        finally:
            for id, after in kept.items():
                again = self._changed.get(id)
                self._changed[id] = _Noted(self._indexing[id].since, min(after, again.after) if again else after)
            self._indexing = {}


indexer = PerApplication(Indexer)


def note(event: MessageSent | MessageEdited | MessageChanged | MessageDeleted) -> None:
    """Index the change of the event soon."""
    if settings.current().has_search:
        indexer.get().note(event.chat_id, event.rev)


def index_changes() -> None:
    """Index what this worker committed (a background task)."""
    if settings.current().has_search:
        indexer.get().run()


def index_last_changes() -> None:
    """Index what this worker committed, before it ends; what takes longer than `END_SECONDS` is left to the job."""
    with gevent.Timeout(END_SECONDS, False):
        index_changes()


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = dict.fromkeys(
    (MessageSent, MessageEdited, MessageChanged, MessageDeleted), (note,)
)
