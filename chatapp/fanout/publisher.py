"""Publishes the events of this worker in batches: what gathers while one batch is on its way is the next."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import gevent
import redis

from chatapp.core.batching import Batcher
from chatapp.fanout.awaited import Awaited
from chatapp.fanout.chat_channels import channel_of
from chatapp.fanout.shards import Shards

# Includes the version of the batch format: workers of different versions ignore each other's batches.
CHANNEL = b"chatapp:events:6"
RETRY_SECONDS = 0.25
# Before a message is published again whose slot has moved.
MOVED_SECONDS = 0.01
# Events that wait to be published; further ones are dropped, and read from the database later.
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 16 * 1024 * 1024
MAX_BATCH = 1000
# How long a batch waits for more events under load.
GATHER_SECONDS = 0.001
# A line, who waits for its acknowledgements, and the chat whose channel it is for, if not the common one.
Outgoing: TypeAlias = "tuple[bytes, Awaited | None, str | None]"


class Publisher:
    """The events that wait to be published, while `is_open`.

    A batch on the common channel is the id of this worker and the number of the batch, then a line per event; on the
    channel of a chat it is the id, then a line per event.
    """

    def __init__(self, id: bytes, shards: Shards, note_failure: Callable[[redis.RedisError], None]) -> None:
        self.is_open = False
        # Whether events were dropped that other workers may have to look for.
        self.dropped = False
        self._id = id
        self._shards = shards
        self._note_failure = note_failure
        self._numbers = itertools.count(1)
        self._batcher: Batcher[Outgoing] = Batcher(self._post, MAX_BATCH, gather=GATHER_SECONDS)
        self._waiting_bytes = 0
        self._beat_due = False
        # The beat that has not come back yet: its batch number and when it was sent.
        self.beat: tuple[int, float] | None = None

    @property
    def has_room(self) -> bool:
        """True if events can be published or wait."""
        return self.is_open and len(self._batcher) < MAX_WAITING and self._waiting_bytes < MAX_WAITING_BYTES

    def put(self, line: bytes, awaited: Awaited | None = None, *, chat_id: str | None = None) -> None:
        """Publish a line on the common channel, or on that of a chat. Never blocks."""
        self._waiting_bytes += len(line)
        self._batcher.put((line, awaited, chat_id))

    def put_beat(self) -> None:
        """Publish a batch, even without a line."""
        self._beat_due = self._beat_due or self.beat is None
        self.put(b"")

    def _post(self, batch: Sequence[Outgoing]) -> None:
        """Publish a batch; retried until it succeeds or this worker is disconnected."""
        messages = self._messages(batch)
        while self.is_open:
            try:
                receivers = self._shards.publish(messages)
            except redis.RedisError as error:
                self._note_failure(error)
                gevent.sleep(RETRY_SECONDS)
                continue
            if CHANNEL in receivers:
                for _, awaited, _ in batch:
                    if awaited:
                        awaited.receivers = receivers[CHANNEL]
                        awaited.changed.set()
            if not messages:
                return
            gevent.sleep(MOVED_SECONDS)
        self.dropped |= any(line for line, _, _ in batch)

    def _messages(self, batch: Sequence[Outgoing]) -> dict[bytes, bytes]:
        """A message for each channel, the common one last: a removal comes after the messages before it."""
        chats: dict[str, list[bytes]] = {}
        common: list[Outgoing] = []
        for outgoing in batch:
            line, _, chat_id = outgoing
            self._waiting_bytes -= len(line)
            if not chat_id:
                common.append(outgoing)
            elif chat_id in chats:
                chats[chat_id].append(line)
            else:
                chats[chat_id] = [self._id, line]
        messages = {channel_of(chat_id): b"\n".join(lines) for chat_id, lines in chats.items()}
        if common:
            number = next(self._numbers)
            messages[CHANNEL] = b"\n".join((b"%s%d" % (self._id, number), *(line for line, _, _ in common if line)))
            for _, awaited, _ in common:
                if awaited:
                    awaited.number = number
            if self._beat_due:
                self._beat_due, self.beat = False, (number, time.monotonic())
        return messages
