"""The events of each worker, told to all others over Redis publish/subscribe.

It carries immediacy and nothing else: what it loses is in the database. A worker that can't hear the others tells its
own sockets nothing either (see `rooms.deaf`), until it hears again and has read the database's truth anew.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import gevent
import redis
import structlog
from gevent.event import AsyncResult, Event

from chatapp.core import events, metrics
from chatapp.core.batches import Batches
from chatapp.core.ids import new_id

log = structlog.get_logger()

# With the number of what letters look like: workers that write them differently don't read each other's.
CHANNEL = "chatapp:events:2"
# A worker hears itself this often; silence of `SILENCE_SECONDS` means that it hears nobody.
BEAT_SECONDS = 1.0
SILENCE_SECONDS = 4.0
RETRY_SECONDS = 0.25
# How long an action waits for every worker to have heard: who has not by then knows that it hears nobody.
HEARD_SECONDS = SILENCE_SECONDS + 1
MOST_WAITING = 10_000
# What waits to be told travels together.
MOST_AT_ONCE = 1000
# A letter: its sender's name and number, and a line for each event, which begins with what to answer once it is heard.
NO_ANSWER, HEARD = b"-", b"heard"

# What is told, and who wants to know how many got it.
_Outgoing: TypeAlias = "tuple[bytes, AsyncResult[int] | None]"


class _Answers:
    """How many workers said that they heard an event."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = Event()

    def add_one(self) -> None:
        self._count += 1
        self._changed.set()

    def wait_for(self, count: int) -> None:
        while self._count < count:
            self._changed.wait()
            self._changed.clear()


class Bus:
    """This worker's place among the others.

    `hear` gets each event of another worker, encoded. `changed` is told whether others can be heard, before anything
    that they say; and so again whenever one of them may not have told everything.
    """

    def __init__(
        self, url: str, worker_id: str, hear: Callable[[bytes], None], changed: Callable[[bool], None]
    ) -> None:
        self._url = url
        self._hear = hear
        self._changed = changed
        # What its letters begin with; all names are equally long.
        self._name = worker_id.encode()
        self._subscribed = False
        self._connected = False
        self._numbers = itertools.count(1)
        # The highest number heard from each worker, and when, of those that are not silent.
        self._heard: dict[bytes, int] = {}
        self._heard_at: dict[bytes, float] = {}
        self._missed_letters = False
        self._letters: Batches[_Outgoing] = Batches(self._post, MOST_AT_ONCE)
        self._sender = self._connection()
        self._unheard: dict[bytes, _Answers] = {}
        metrics.queue_connected.follow(lambda: self._connected)

    @property
    def connected(self) -> bool:
        """Whether this worker hears the others."""
        return self._connected

    def peers(self) -> set[str] | None:
        """The ids of the workers whose events arrive here; None while disconnected."""
        return {worker.decode() for worker in self._heard_at} if self._connected else None

    def share(self, event: events.Event) -> None:
        """Tell the other workers of an event; returns when they have all heard it, if it has to be awaited."""
        told = events.encode(event)
        if event.awaited:
            self._share_until_heard(told, type(event).__name__)
        elif self._subscribed and len(self._letters) < MOST_WAITING:
            self._letters.put((b"%s %s" % (NO_ANSWER, told), None))

    def _share_until_heard(self, told: bytes, name: str) -> None:
        number = new_id().encode()
        self._unheard[number] = everyone = _Answers()
        try:
            with gevent.Timeout(HEARD_SECONDS):
                # This worker is one of those who get it.
                everyone.wait_for(self._publish(b"%s %s" % (number, told)) - 1)
        except gevent.Timeout:
            log.warning("not every worker said that it heard", change=name)
        finally:
            del self._unheard[number]

    def _publish(self, line: bytes) -> int:
        """How many workers got a line; it is sent until that works."""
        while True:
            sent: AsyncResult[int] = AsyncResult()
            self._letters.put((line, sent))
            try:
                return sent.get()  # type: ignore[no-any-return]
            except redis.RedisError:
                continue  # `_post` has waited a moment.

    def beat(self) -> None:
        """Give a sign of life (a background task, every `BEAT_SECONDS`)."""
        self._letters.put((b"", None))

    def read(self) -> None:
        """Hear the others until that fails (a background task, which is begun again)."""
        connection = self._connection()
        try:
            connection.send_command("SUBSCRIBE", CHANNEL)
            connection.read_response()
            # Whatever is said while the truth is read waits on the wire.
            self._subscribed = True
            self._changed(True)
            self._connected = True
            while True:
                _message, _channel, letter = connection.read_response()
                # One's own letters come too, and say no more than that others are heard.
                if not letter.startswith(self._name):
                    self._take(letter)
                if self._may_have_missed():
                    log.info("somebody may not have told everything")
                    self._changed(True)
        except redis.RedisError as error:
            if self._connected:
                log.warning("the queue is gone", error=type(error).__name__)
        finally:
            self._subscribed = self._connected = False
            self._changed(False)
            connection.disconnect()

    def check(self) -> None:
        """Raise RuntimeError while the other workers can't be heard."""
        if not self._connected:
            raise RuntimeError("The other workers can't be heard.")

    def _post(self, batch: Sequence[_Outgoing]) -> None:
        """Send a letter; what can't be sent is lost, which the others see by the letters' numbers."""
        letter = b"\n".join((b"%s%d" % (self._name, next(self._numbers)), *(line for line, _ in batch if line)))
        receivers: int | redis.RedisError
        try:
            self._sender.send_command("PUBLISH", CHANNEL, letter)
            receivers = self._sender.read_response()
        except redis.RedisError as error:
            log.warning("the queue does not answer", error=type(error).__name__)
            receivers = error
            gevent.sleep(RETRY_SECONDS)
        for _, sent in batch:
            if sent and isinstance(receivers, redis.RedisError):
                sent.set_exception(receivers)
            elif sent:
                sent.set(receivers)

    def _take(self, letter: bytes) -> None:
        head, *lines = letter.split(b"\n")
        sender, number = head[: len(self._name)], int(head[len(self._name) :])
        before = self._heard.get(sender, 0)
        if number <= before:
            return
        self._missed_letters |= 0 < before < number - 1
        self._heard[sender], self._heard_at[sender] = number, time.monotonic()
        for line in lines:
            answer, told = line.split(b" ", 1)
            if answer == HEARD:
                if waiting := self._unheard.get(told):
                    waiting.add_one()
                continue
            self._hear(told)
            if answer != NO_ANSWER:
                self._letters.put((b"%s %s" % (HEARD, answer), None))

    def _may_have_missed(self) -> bool:
        """Whether something was not told since the last time: a letter was lost, or a worker is silent, which may have
        been killed between a commit and telling of it."""
        silent = [name for name, at in self._heard_at.items() if time.monotonic() - at > SILENCE_SECONDS]
        for name in silent:
            del self._heard_at[name]
        missed, self._missed_letters = self._missed_letters or bool(silent), False
        return missed

    def _connection(self) -> Any:
        """A connection that opens when it is used, and again after it has failed; waiting on it for `SILENCE_SECONDS`
        raises redis.TimeoutError. Bare: a client would try again by itself, and hide that letters were lost."""
        pool = redis.ConnectionPool.from_url(
            self._url, socket_timeout=SILENCE_SECONDS, socket_connect_timeout=2, socket_keepalive=True
        )
        return pool.make_connection()
