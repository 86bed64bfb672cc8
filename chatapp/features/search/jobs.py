"""The job that indexes what the workers have not, and deletes the words of chats that no longer exist."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import gevent
from sqlalchemy import text

from chatapp.core import metrics, settings
from chatapp.core.application import PerApplication
from chatapp.core.db import reading, writing
from chatapp.core.errors import Json
from chatapp.core.jobs import Job, JobType, Schedule
from chatapp.features.search import indexer
from chatapp.features.search.words import VERSION

# What a killed worker left is found within this time, and indexed soon after.
EVERY_SECONDS = 120.0
# The job rests for so many times as long as it worked, so that it takes a quarter of a core at most.
REST = 3.0
# How long it waits for a chat that a worker is indexing, in seconds, and how often it looks.
MAX_WAIT, WAIT_SECONDS = 5.0, 0.1
# Chats that are compared with the index by one statement, and words that are deleted by one.
CHATS_AT_ONCE = 5000
WORDS_AT_ONCE = 1000
_FIRST = "00000000-0000-0000-0000-000000000000"

# The next chats, up to `last`: those whose changes are not all indexed, and how many changes these are. Some are not of
# messages. The index is read from `after` on, too.
_BEHIND = text(
    """
    SELECT coalesce(array_agg(c.id::text ORDER BY c.id) FILTER (WHERE p.rev < c.last_rev), '{}') AS chat_ids,
           coalesce(sum(c.last_rev - p.rev) FILTER (WHERE p.rev < c.last_rev), 0)::bigint AS changes,
           max(c.id::text COLLATE "C") AS last
    FROM (
        SELECT id, CASE WHEN is_deleted THEN 0 ELSE last_rev END AS last_rev FROM chats
        WHERE id > CAST(:after AS uuid) ORDER BY id LIMIT :limit
    ) c LEFT JOIN chat_search s ON s.chat_id = c.id AND s.chat_id > CAST(:after AS uuid) CROSS JOIN LATERAL (
        SELECT CASE WHEN s.version > :version THEN c.last_rev WHEN s.version = :version THEN s.indexed_rev ELSE 0 END AS rev
    ) p
    """
)
# The same for chats that no longer exist.
_GONE = text(
    """
    SELECT coalesce(array_agg(s.chat_id::text) FILTER (WHERE c.id IS NULL OR c.is_deleted), '{}') AS chat_ids,
           max(s.chat_id::text COLLATE "C") AS last
    FROM (SELECT chat_id FROM chat_search WHERE chat_id > CAST(:after AS uuid) ORDER BY chat_id LIMIT :limit) s
         LEFT JOIN chats c ON c.id = s.chat_id AND c.id > CAST(:after AS uuid)
    """
)
# With this lock, no worker writes words of messages that it read before the chat was deleted.
_LOCK_CHAT = text("SELECT FROM chat_search WHERE chat_id = :chat_id FOR UPDATE")
_DELETE_WORDS = text(
    """
    DELETE FROM message_words WHERE chat_id = :chat_id AND message_id = ANY(ARRAY(
        SELECT message_id FROM message_words WHERE chat_id = :chat_id LIMIT :limit
    ))
    """
)
_DELETE_CHAT = text("DELETE FROM chat_search WHERE chat_id = :chat_id")
_RESET = text(
    """
    WITH next AS (
        SELECT chat_id FROM chat_search WHERE chat_id > CAST(:after AS uuid) ORDER BY chat_id LIMIT :limit
    ), reset AS (
        UPDATE chat_search s SET version = 0 FROM next n WHERE s.chat_id = n.chat_id
    )
    SELECT max(chat_id::text COLLATE "C") FROM next
    """
)
_HAS_INDEX = text("SELECT EXISTS (SELECT FROM chat_search) OR EXISTS (SELECT FROM message_words)")
_SIZE = text("SELECT pg_total_relation_size('message_words') + pg_total_relation_size('chat_search')")
# Called with the number of changes that were indexed, or of words that were deleted.
Progress = Callable[[int], None]


class NotIndexed(Exception):
    """Chats could not be indexed; the log has the reasons (`chat_not_indexed`)."""


class Behind(NamedTuple):
    """How many chats have changes that are not indexed, and how many changes. Those of the last seconds are included."""

    chats: int
    changes: int


def behind() -> Behind:
    """What is not indexed."""
    portions = list(_portions_behind())
    return Behind(sum(len(chat_ids) for chat_ids, _ in portions), sum(changes for _, changes in portions))


def catch_up(progress: Progress, rest: float = REST) -> None:
    """Index all that is not indexed, in short transactions; it can be interrupted at any point and continues there.

    Raises NotIndexed in the end if some chats could not be indexed.
    """
    failed = 0
    for portion, _ in _portions_behind(rest):
        for start in range(0, len(portion), indexer.MAX_CHATS):
            failed += _catch_up(portion[start : start + indexer.MAX_CHATS], progress, rest)
    if failed:
        raise NotIndexed(f"{failed} chats could not be indexed. The log has the reasons (`chat_not_indexed`).")


def delete_remains(progress: Progress, rest: float = REST) -> None:
    """Delete the words of chats that were deleted."""
    last: str | None = _FIRST
    while last:
        with _resting(rest), reading() as db:
            chat_ids, last = db.execute(_GONE, {"after": last, "limit": CHATS_AT_ONCE}).one()
        for chat_id in chat_ids:
            _delete_words(chat_id, progress, rest)


def reset() -> None:
    """Have everything indexed again, by `catch_up` or by the server, what a newer version has indexed too. It is found until
    then."""
    last: str | None = _FIRST
    while last:
        with reading() as db:
            last = db.execute(_RESET, {"after": last, "limit": CHATS_AT_ONCE}).scalar()


def has_index() -> bool:
    """True if something is indexed."""
    with reading() as db:
        return bool(db.execute(_HAS_INDEX).scalar())


def delete_all() -> int:
    """Delete the index, which the server creates again with `SEARCH=on`; returns its size in bytes."""
    with reading() as db:
        size = int(db.execute(_SIZE).scalar_one())
        db.exec_driver_sql("TRUNCATE message_words, chat_search")
    return size


def _portions_behind(rest: float = 0.0) -> Iterator[tuple[Sequence[str], int]]:
    """The chats with changes that are not indexed, in portions, each with the number of these changes."""
    last: str | None = _FIRST
    while last:
        with _resting(rest), reading() as db:
            values = {"version": VERSION, "after": last, "limit": CHATS_AT_ONCE}
            chat_ids, changes, last = db.execute(_BEHIND, values).one()
        yield chat_ids, changes


def _catch_up(chat_ids: Sequence[str], progress: Progress, rest: float) -> int:
    """Index these chats; returns the number of those that could not be indexed."""
    failed = 0
    waited_until = time.monotonic() + MAX_WAIT
    while chat_ids:
        with _resting(rest):
            indexed = indexer.index(dict.fromkeys(chat_ids, 0))
            progress(indexed.changes)
        failed += len(indexed.failed)
        if indexed.changes:
            waited_until = time.monotonic() + MAX_WAIT
        elif indexed.skipped:
            gevent.sleep(WAIT_SECONDS)
        skipped = indexed.skipped if time.monotonic() < waited_until else []
        chat_ids = [*indexed.more, *skipped]
    return failed


def _delete_words(chat_id: str, progress: Progress, rest: float) -> None:
    values = {"chat_id": chat_id, "limit": WORDS_AT_ONCE}
    deleted = WORDS_AT_ONCE
    while deleted == WORDS_AT_ONCE:
        with _resting(rest), writing() as db:
            db.execute(_LOCK_CHAT, values)
            deleted = db.execute(_DELETE_WORDS, values).rowcount
            if deleted < WORDS_AT_ONCE:
                db.execute(_DELETE_CHAT, values)
        progress(deleted)


@contextmanager
def _resting(rest: float) -> Iterator[None]:
    """Rest afterwards, for `rest` times as long as the block took."""
    began = time.monotonic()
    yield
    gevent.sleep(rest * (time.monotonic() - began))


class _Backlog:
    """The changes that the job found and has not indexed yet, known for a while after it looked."""

    def __init__(self) -> None:
        self._changes, self._known_until = 0, 0.0

    def set(self, changes: int) -> None:
        """Set how many there are now."""
        self._changes, self._known_until = max(0, changes), time.monotonic() + 2 * EVERY_SECONDS

    def changes(self) -> int:
        """How many there are; 0 after another worker has looked, which reports them then."""
        return self._changes if time.monotonic() < self._known_until else 0


_backlog = PerApplication(_Backlog)
metrics.search_backlog.set_function(lambda: _backlog.get().changes())


def _index_messages(job: Job) -> Json | None:
    if not settings.current().has_search:
        return None
    found, done = behind().changes, 0
    _backlog.get().set(found)

    def progress(count: int) -> None:
        nonlocal done
        done += count
        metrics.search_recovered.inc(by=count)
        _backlog.get().set(found - done)
        job.progress(done, max(found, done))

    catch_up(progress)
    _backlog.get().set(0)
    delete_remains(lambda _: job.progress(done))
    return {"changes": done}


JOBS = (JobType("index_messages", _index_messages, Schedule(EVERY_SECONDS)),)
