"""Sends events between workers over Redis publish/subscribe.

The bus only makes delivery immediate: lost events are in the database. A worker that does not receive the others'
events emits nothing to its own sockets either, until it is connected again and has read the database (`on_state`).

An event within a chat is published on the channel of its chat, to which only workers with sockets in the chat are
subscribed (`chat_channels.py`). Everything else is on one common channel: beats, hellos, acknowledgements, and the other
events, among them all that are awaited.

Guarantees:
- A worker receives its own beats. If the last one that came back was sent more than `SILENCE_SECONDS` ago, the worker
is disconnected, even if the cause is that it was suspended. The same holds if a node of a Cluster is silent, or if any
connection breaks: the worker is connected to all nodes or to none.
- A worker that connects publishes a hello before it reads the database. So the publisher of a change either knows that
worker and waits for its acknowledgement, or committed before that read. The subscriptions of the chats that it has by
then are confirmed before that read too; chats that it gets meanwhile are compared with the database if theirs are not.
- A hello says whether the worker dropped events before it; the others then look for them in the database. A connected
worker that dropped events publishes another hello. This goes for the events of all channels: nothing else loses events
of a chat while the connections live, so that batches are only numbered on the common channel.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import gevent
import redis
import structlog
from gevent.event import AsyncResult, Event

from chatapp.compat.redis import Link, Message, Moved
from chatapp.core import events, metrics
from chatapp.core.application import spawn
from chatapp.core.causes import MAX_CAUSES
from chatapp.core.errors import Unavailable
from chatapp.core.ids import new_id
from chatapp.fanout.awaited import Awaited
from chatapp.fanout.chat_channels import ChatChannels
from chatapp.fanout.order import ChatOrder
from chatapp.fanout.publisher import CHANNEL, Publisher
from chatapp.fanout.shards import Shards

log = structlog.get_logger()

BEAT_SECONDS = 1.0
SILENCE_SECONDS = 4.0
# For each wait for Redis, except the wait for the next batch.
REDIS_TIMEOUT = 1.0
# How long an action waits for the acknowledgements of all workers. A worker that has not sent its own by then is
# disconnected, and knows it.
ACK_TIMEOUT = SILENCE_SECONDS + 1
# The same while this worker has been disconnected for longer than that.
DISCONNECTED_ACK_TIMEOUT = 1.0
# How often a waiting action checks whether a worker has fallen silent.
ACK_POLL_SECONDS = 0.25
# How long a worker waits after an outage for the others to reconnect before it reads the database.
GATHER_SECONDS = 1.0
# How long a worker waits before it reads the database again that was unavailable.
READ_RETRY_SECONDS = 1.0
# Messages that arrive while rooms are read from the database; further events of chats are dropped, and read from it
# later.
MAX_EARLY_BYTES = 16 * 1024 * 1024
# How often a worker that connects checks whether it was suspended.
START_POLL_SECONDS = 0.25
# A line of the common channel begins with the number to acknowledge, or one of these.
NO_ACK, ACK, HELLO = b"-", b"ack", b"hello"


class _Start:
    """What arrives before this worker is connected. `expected` are the workers from before the outage that are missing."""

    def __init__(self, expected: set[bytes]) -> None:
        self.expected = expected
        self.hello = Awaited()
        # Whether the common channel is subscribed, and the hello has come back.
        self.is_subscribed = self.is_back = False
        self.early: deque[Message] = deque()
        # Whether the database was read: whatever other workers dropped before is in it.
        self.is_read = False
        # Whether events of chats were dropped.
        self.early_bytes = 0
        self.dropped = False
        self.progress = Event()

    def read_again(self) -> None:
        """The database is about to be read again, and has what the messages until now are about: drop too many."""
        if self.early_bytes > MAX_EARLY_BYTES:
            self.early.clear()
            self.early_bytes, self.dropped = 0, False


class Bus:
    """This worker's connection to the others.

    `receive` gets each encoded event of another worker. `on_state(connected, seconds)` is called when the bus
    disconnects, and before anything is received once it is connected again, with the duration of the outage; then it is
    called again while it raises Unavailable. `on_loss` is called when events may have been lost while connected. `order`
    has the chats with subscribers here, and `compare` gets those whose events may have been lost before they were
    received.
    """

    def __init__(
        self,
        url: str,
        worker_id: str,
        receive: Callable[[bytes], None],
        on_state: Callable[[bool, float], None],
        on_loss: Callable[[], None],
        order: ChatOrder,
        compare: Callable[[Sequence[str]], None],
    ) -> None:
        self._receive = receive
        self._on_state = on_state
        self._on_loss = on_loss
        # All ids have the same length.
        self._id = worker_id.encode()
        # Whether events are received; they are published from the hello on.
        self._connected = False
        self._lost_at = time.monotonic()
        # Failures of this outage that were logged; they may alternate.
        self._failures: set[str] = set()
        # The highest batch number of each worker, and the last publication of each worker that is not silent.
        self._received: dict[bytes, int] = {}
        self._live: dict[bytes, float] = {}
        self._valid_until = 0.0
        self._shards = Shards(url, timeout=REDIS_TIMEOUT, silence=SILENCE_SECONDS)
        self._publisher = Publisher(self._id, self._shards, self._note_failure)
        self.chats = ChatChannels(order, self._shards, compare)
        self._start = _Start(set())
        # The first error of the connections.
        self._failure = AsyncResult()
        self._was_connected = False
        self._awaited: dict[bytes, Awaited] = {}
        self._events_received = 0
        metrics.queue_connected.set_function(lambda: self._connected)
        metrics.queue_chats.set_function(self.chats.__len__)
        metrics.queue_bytes.set_function(lambda: self._shards.bytes_read)
        metrics.queue_events.set_function(lambda: self._events_received)

    @property
    def connected(self) -> bool:
        """True while this worker receives the events of the others."""
        return self._connected

    @property
    def seconds_disconnected(self) -> float:
        """For how long the bus has been disconnected; 0 while it is connected."""
        return 0.0 if self._connected else time.monotonic() - self._lost_at

    def peers(self) -> set[str] | None:
        """The ids of the workers whose events arrive here; None while disconnected."""
        return {worker.decode() for worker in self._live} if self._connected else None

    def share(self, event: events.Event) -> None:
        """Publish an event to the other workers; for an `awaited` one, return when all of them have applied it."""
        if event.awaited:
            self._share_awaited(events.encode(event), type(event).__name__)
        elif self._publisher.has_room:
            if event.within_chat:
                self._publisher.put(events.encode(event), chat_id=event.chat_id)  # type: ignore[union-attr]
            else:
                self._publisher.put(b"%s %s" % (NO_ACK, events.encode(event)))
        elif hasattr(event, "rev"):
            self._publisher.dropped = True

    def beat(self) -> None:
        """Publish a beat, and detect workers that are silent (a background task, every `BEAT_SECONDS`)."""
        now = time.monotonic()
        if self._publisher.is_open:
            self._publisher.put_beat()
        if self._publisher.dropped and self._connected:
            # They did not fit into the queue.
            self._publisher.dropped = False
            self._publisher.put(b"%s 1" % HELLO)
        if self._connected and now > self._valid_until:
            self._fail(redis.TimeoutError("This worker's own beats did not come back in time."))
            self._disconnect()
        if self._publisher.is_open:
            try:
                self.chats.end_idle()
                self._shards.ping()
            except redis.RedisError as error:
                self._fail(error)
        silent = [worker for worker, at in self._live.items() if now - at > ACK_TIMEOUT]
        if silent and self._connected:
            for worker in silent:
                del self._live[worker]
            # A worker may have been killed between a commit and its event.
            log.info("worker_silent", workers=[worker.decode() for worker in silent])
            self._on_loss()

    def read(self) -> None:
        """Receive the events of the others until an error (a background task, which is restarted)."""
        readers: list[gevent.Greenlet] = []
        self._failure = AsyncResult()
        try:
            self._start = start = _Start(set(self._live))
            links = self._shards.open()
            self._restart_clock()
            readers = [spawn(self._read_from, link) for link in links]
            self._connect(start)
            self.chats.compare_from_now_on()
            before = self._read_database(start)
            self._check_clock()
            # Kept in order, since more may arrive meanwhile.
            while start.early:
                start.is_read = before <= 0
                before -= 1
                self._dispatch(start.early.popleft())
            start.is_read = self._connected = True
            if start.dropped:
                self._on_loss()
            self._was_connected = True
            self._failures.clear()
            log.info("redis_connected")
            self._failure.get()
        except redis.RedisError as error:
            self._note_failure(error)
        finally:
            self._disconnect()
            self._shards.close()
            gevent.killall(readers)

    def check(self) -> None:
        """Raise RuntimeError while the events of the other workers don't arrive."""
        if not self._connected:
            raise RuntimeError("The other workers can't be reached.")

    def _connect(self, start: "_Start") -> None:
        """Publish a hello, subscribe to all chats, and wait until the hello has come back and the workers from before
        the outage are here too."""
        self._received.clear()
        self._live.clear()
        self._shards.subscribe([CHANNEL])
        self._wait(start, lambda: start.is_subscribed)
        # A node that was cut off from its Cluster accepts events for a while which reach no other worker.
        dropped, self._publisher.dropped = (
            self._publisher.dropped or (self._was_connected and self._shards.is_cluster),
            False,
        )
        self._publisher.is_open = True
        try:
            self._publisher.put(b"%s %d" % (HELLO, dropped), start.hello)
            deadline = time.monotonic() + GATHER_SECONDS
            self.chats.open(partial(self._wait, start))
            self._wait(start, lambda: start.is_back and (not start.expected or time.monotonic() > deadline))
        except BaseException:
            self._publisher.dropped |= dropped
            raise

    def _read_database(self, start: "_Start") -> int:
        """Have the database read, until it is available; returns how many messages had arrived before that.

        The connections stay: to subscribe to all chats again may take longer than the outage. Raises redis.RedisError.
        """
        while True:
            before = len(start.early)
            try:
                self._on_state(True, time.monotonic() - self._lost_at)
            except Unavailable as error:
                log.warning("replay_waits_for_database", reason=error.code)
                deadline = time.monotonic() + READ_RETRY_SECONDS
                self._wait(start, partial(_is_past, deadline))
                start.read_again()
            else:
                return before

    def _wait(self, start: "_Start", is_done: Callable[[], bool]) -> None:
        """Wait for messages until `is_done`; raises redis.RedisError."""
        while not is_done():
            start.progress.clear()
            start.progress.wait(START_POLL_SECONDS)
            if self._failure.ready():
                self._failure.get()
            self._check_clock()

    def _read_from(self, link: Link) -> None:
        """Receive the messages of a node until an error."""
        while not self._failure.ready():
            try:
                messages = link.messages()
                self._check_clock()
                for message in messages:
                    self._handle(message)
            except Moved as error:
                # The response to a subscription: its connection still works.
                self._moved(error)
            except Exception as error:
                self._fail(error)

    def _handle(self, message: Message) -> None:
        """Handle a message, or keep it until this worker is connected; raises redis.RedisError."""
        kind, channel, _ = message
        if kind == b"smessage":
            if self._connected:
                self._dispatch(message)
            else:
                self._keep(self._start, message)
        elif kind == b"pong":
            return
        elif channel == CHANNEL:
            if kind == b"sunsubscribe":
                raise redis.ConnectionError("The slot of the common channel has moved.")
            self._start.is_subscribed = True
        elif kind == b"ssubscribe":
            self.chats.confirmed(channel)
        else:
            self.chats.ended(channel)
        self._start.progress.set()

    def _dispatch(self, message: Message) -> None:
        _, channel, batch = message
        is_own = batch.startswith(self._id)
        if channel != CHANNEL:
            if not is_own:
                self._take_of_chat(batch)
        elif not is_own:
            self._take(batch)
        elif self._publisher.beat or self._awaited:
            self._take_echo(batch)

    def _keep(self, start: "_Start", message: Message) -> None:
        _, channel, batch = message
        start.early_bytes += len(batch)
        if channel != CHANNEL:
            # Never events that others wait for.
            start.dropped |= start.early_bytes > MAX_EARLY_BYTES
            if start.dropped:
                return
        elif batch.startswith(self._id):
            start.is_back |= start.hello.number is not None and _number(batch) >= start.hello.number
            self._note_beat(_number(batch))
        else:
            sender = batch[: len(self._id)]
            self._live[sender] = time.monotonic()
            start.expected.discard(sender)
        start.early.append(message)

    def _moved(self, error: Moved) -> None:
        """A slot has moved to another node."""
        try:
            self._shards.move(error)
            self.chats.moved(error.slot_id)
        except redis.RedisError as failure:
            self._fail(failure)

    def _fail(self, error: Exception) -> None:
        """End the connections to all nodes."""
        if not self._failure.ready():
            self._failure.set_exception(error)

    def _check_clock(self) -> None:
        """Raise redis.TimeoutError if this worker was suspended: what is in its connections is out of date."""
        if time.monotonic() > self._valid_until:
            raise redis.TimeoutError("This worker's own beats did not come back in time.")

    def _restart_clock(self) -> None:
        self._publisher.beat = None
        self._valid_until = time.monotonic() + SILENCE_SECONDS

    def _note_failure(self, error: redis.RedisError) -> None:
        """Log why there is no connection, each reason once per outage."""
        failure = f"{type(error).__name__}: {error}".partition("\n")[0]
        if failure not in self._failures and len(self._failures) < MAX_CAUSES:
            self._failures.add(failure)
            log.warning("redis_unavailable", reason=failure)

    def _disconnect(self) -> None:
        """Stop publishing and emitting, once."""
        if self._connected:
            log.warning("redis_disconnected")
            self._lost_at = min(time.monotonic(), self._valid_until)
        if self._publisher.is_open:
            self._publisher.is_open = self._connected = False
            self.chats.close()
            self._on_state(False, 0.0)

    def _share_awaited(self, encoded: bytes, name: str) -> None:
        number = new_id().encode()
        self._awaited[number] = awaited = Awaited()
        began = time.monotonic()
        try:
            if self._publisher.is_open:
                self._publisher.put(b"%s %s" % (number, encoded), awaited)
            while not awaited.is_done(self._live, time.monotonic() - ACK_TIMEOUT):
                deadline = began + ACK_TIMEOUT
                if not self._publisher.is_open:
                    # No acknowledgement arrives. If all workers lost Redis, they have all noticed it by then.
                    self._publisher.dropped = True
                    deadline = min(deadline, max(began + DISCONNECTED_ACK_TIMEOUT, self._lost_at + ACK_TIMEOUT))
                left = deadline - time.monotonic()
                if left <= 0:
                    log.warning("bus_ack_timeout", change=name)
                    return
                awaited.changed.wait(min(left, ACK_POLL_SECONDS))
                awaited.changed.clear()
        finally:
            del self._awaited[number]

    def _take(self, batch: bytes) -> None:
        """Handle a batch of another worker."""
        head, *lines = batch.split(b"\n")
        self._events_received += len(lines)
        sender, number = head[: len(self._id)], int(head[len(self._id) :])
        before = self._received.get(sender)
        if before is not None and number <= before:
            return  # It was published twice, since its first response was lost.
        self._received[sender], self._live[sender] = number, time.monotonic()
        if before is not None and number > before + 1:
            log.info("bus_gap_detected", worker=sender.decode(), expected=before + 1, received=number)
            self._on_loss()
        for line in lines:
            ack, event = line.split(b" ", 1)
            if ack == ACK:
                if awaited := self._awaited.get(event):
                    awaited.acks.add(sender)
                    awaited.changed.set()
            elif ack == HELLO:
                if event == b"1" and self._start.is_read:
                    self._on_loss()
            else:
                self._receive(event)
                if ack != NO_ACK:
                    self._publisher.put(b"%s %s" % (ACK, ack))

    def _take_of_chat(self, batch: bytes) -> None:
        """Handle the events of a chat from another worker."""
        _, *lines = batch.split(b"\n")
        self._events_received += len(lines)
        for line in lines:
            self._receive(line)

    def _note_beat(self, number: int) -> None:
        """This worker's own batch has come back: it is connected."""
        if self._publisher.beat and number >= self._publisher.beat[0]:
            self._valid_until = self._publisher.beat[1] + SILENCE_SECONDS
            self._publisher.beat = None

    def _take_echo(self, batch: bytes) -> None:
        """This worker's own batch has come back: it knows all workers that were connected when it was published."""
        number = _number(batch)
        self._note_beat(number)
        for awaited in self._awaited.values():
            if awaited.expected is None and awaited.number is not None and number >= awaited.number:
                awaited.expected = set(self._live)
                awaited.changed.set()


def _is_past(deadline: float) -> bool:
    return time.monotonic() > deadline


def _number(batch: bytes) -> int:
    """The number of this worker's own batch."""
    head, _, _ = batch.partition(b"\n")
    return int(head[ID_LENGTH:])


ID_LENGTH = len(new_id())
