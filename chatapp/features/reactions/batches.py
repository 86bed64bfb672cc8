"""Processes reactions in batches: those that wait together share one transaction, and those to one message its `rev`.

A chat that stays locked would block all others: its reactions leave the batch after `LOCK_TIMEOUT_MS` and wait in a queue
of their own, as messages do (`messages/sending.py`).
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import gevent
import psycopg2
from gevent.lock import BoundedSemaphore

from chatapp.core.application import PerApplication
from chatapp.core.batching import Batcher, Result, spawn
from chatapp.core.db import Locked
from chatapp.core.errors import ChatError, NotFound
from chatapp.core.identity import Actor
from chatapp.features.messages.sending import FIRST_PAUSE, GATHER_SECONDS, LAST_PAUSE, MAX_LOCK_WAIT
from chatapp.features.reactions.changes import store
from chatapp.features.reactions.effects import Wanted
from chatapp.features.reactions.queries import chats_of
from chatapp.features.reactions.schemas import MessageReactions

MAX_BATCH = 200
# Users of one message in one batch, so that the event names all of them.
MAX_USERS = 50
# Queues of locked chats that hold a connection at a time.
MAX_QUEUES_AT_ONCE = 2


class PendingReaction(Result[MessageReactions]):
    """A reaction that waits for its commit. The result are the reactions to the message."""

    __slots__ = ("actor", "began", "wanted")

    def __init__(self, actor: Actor, wanted: Wanted) -> None:
        super().__init__()
        self.actor = actor
        self.wanted = wanted
        self.began = time.perf_counter()


def react(pending: PendingReaction) -> None:
    """Add a reaction to the next batch. Never blocks."""
    _batcher.get().put(pending)


def _react(batch: Sequence[PendingReaction]) -> None:
    """Process a batch. The reactions of locked chats leave it and wait on their own."""
    if _queues.get():
        batch = _put_into_queues(batch, only_existing=True)
    for part in parts(batch):
        if locked := _commit(part):
            _put_into_queues(locked)


def parts(batch: Sequence[PendingReaction]) -> Iterator[list[PendingReaction]]:
    """Divide a batch so that each part has at most `MAX_USERS` of each message; a user's reactions stay in order."""
    while batch:
        users: dict[str, set[str]] = defaultdict(set)
        part, rest = [], []
        for pending in batch:
            of_message = users[pending.wanted.message_id]
            if pending.wanted.user_id in of_message or len(of_message) < MAX_USERS:
                of_message.add(pending.wanted.user_id)
                part.append(pending)
            else:
                rest.append(pending)
        yield part
        batch = rest


def _commit(batch: Sequence[PendingReaction]) -> list[PendingReaction]:
    """Commit a batch; settles each reaction, except those that it returns because of a lock timeout."""
    try:
        outcomes = store([(pending.actor, pending.wanted) for pending in batch])
    except Locked:
        return list(batch)
    except psycopg2.Error as error:
        # An error that a single reaction causes.
        if len(batch) > 1:
            return [locked for pending in batch for locked in _commit([pending])]
        batch[0].set_exception(error)
        return []
    except BaseException as error:
        _fail(batch, error)
        return []
    for pending, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, ChatError):
            pending.set_exception(outcome)
        else:
            pending.set(outcome)
    return []


def _fail(batch: Iterable[PendingReaction], error: BaseException) -> None:
    for pending in batch:
        pending.set_exception(error)


def _put_into_queues(batch: Sequence[PendingReaction], *, only_existing: bool = False) -> list[PendingReaction]:
    """Put each reaction into the queue of its chat; with `only_existing`, returns those whose chat has none."""
    try:
        chats = chats_of({pending.wanted.message_id for pending in batch})
    except Exception as error:
        _fail(batch, error)
        return []
    queues, rest = _queues.get(), []
    for pending in batch:
        chat_id = chats.get(pending.wanted.message_id)
        if chat_id is None:
            pending.set_exception(NotFound("Not found."))
        elif chat_id in queues:
            queues[chat_id].append(pending)
        elif only_existing:
            rest.append(pending)
        else:
            queues[chat_id] = [pending]
            spawn(_process_queue, chat_id)
    return rest


def _process_queue(chat_id: str) -> None:
    """Process the queued reactions of one chat in order, waiting for its lock in short turns."""
    queue = _queues.get()[chat_id]
    pause = FIRST_PAUSE
    try:
        while queue:
            part = next(parts(queue[:MAX_BATCH]))
            with _queue_slots.get():
                locked = _commit(part)
            done = set(part) - set(locked)
            queue[:] = [pending for pending in queue if pending not in done]
            pause = min(2 * pause, LAST_PAUSE) if locked else FIRST_PAUSE
            if locked:
                _give_up_late(queue)
                gevent.sleep(pause)
    finally:
        del _queues.get()[chat_id]


def _give_up_late(queue: list[PendingReaction]) -> None:
    """Fail reactions that have waited for `MAX_LOCK_WAIT`."""
    late = [pending for pending in queue if time.perf_counter() > pending.began + MAX_LOCK_WAIT]
    queue[:] = [pending for pending in queue if pending not in late]
    _fail(late, Locked("This chat is being changed. Try again."))


_batcher = PerApplication(lambda: Batcher(_react, MAX_BATCH, gather=GATHER_SECONDS))
# Reactions that wait for a lock, by chat. Later ones of the chat join its queue until that is empty.
_queues = PerApplication[dict[str, list[PendingReaction]]](dict)
_queue_slots = PerApplication(lambda: BoundedSemaphore(MAX_QUEUES_AT_ONCE))
