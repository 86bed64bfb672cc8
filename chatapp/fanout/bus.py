"""Sends events between workers over Redis publish/subscribe.

The bus only makes delivery immediate: lost events are in the database. A worker that does not receive the others'
events emits nothing to its own sockets either, until it is connected again and has read the database (`on_state`).

Guarantees:
- A worker receives its own beats. If the last one that came back was sent more than `SILENCE_SECONDS` ago, the worker
is disconnected, even if the cause is that it was suspended.
- A worker that connects publishes a hello before it reads the database. So the publisher of a change either knows that
worker and waits for its acknowledgement, or committed before that read.
- A hello says whether the worker dropped events before it; the others then look for them in the database. A connected
worker that dropped events publishes another hello.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import gevent
import redis
import structlog
from gevent.event import Event

from chatapp.compat.redis import bare_connection
from chatapp.core import events, metrics
from chatapp.core.batching import Batcher
from chatapp.core.causes import MAX_CAUSES
from chatapp.core.ids import new_id

log = structlog.get_logger()

# Includes the version of the batch format: workers of different versions ignore each other's batches.
CHANNEL = "chatapp:events:3"
BEAT_SECONDS = 1.0
SILENCE_SECONDS = 4.0
RETRY_SECONDS = 0.25
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
# Events that wait to be published; further ones are dropped, and read from the database later.
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 16 * 1024 * 1024
MAX_BATCH = 1000
# A batch: the sender's id and the batch number, then a line per event, which begins with the number to acknowledge.
NO_ACK, ACK, HELLO = b"-", b"ack", b"hello"


class _Awaited:
    """The acknowledgements of an event. `number` is the number of its batch, once it has one."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.receivers: int | None = None
        # The workers that were connected when the batch was published.
        self.expected: set[bytes] | None = None
        self.acks: set[bytes] = set()
        self.changed = Event()

    def is_done(self, live: dict[bytes, float]) -> bool:
        """True once every worker has acknowledged, except those that have fallen silent since."""
        if self.expected is None:
            return False
        # PUBLISH counts this worker too, and connections of hosts that are gone.
        by_count = self.receivers is not None and len(self.acks) >= self.receivers - 1
        silent_since = time.monotonic() - ACK_TIMEOUT
        return by_count or all(live.get(worker, 0.0) < silent_since for worker in self.expected - self.acks)


_Outgoing: TypeAlias = "tuple[bytes, _Awaited | None]"


class Bus:
    """This worker's connection to the others.

    `receive` gets each encoded event of another worker. `on_state(connected, seconds)` is called when the bus
    disconnects, and before anything is received once it is connected again, with the duration of the outage; `on_loss`
    when events may have been lost while connected.
    """

    def __init__(
        self,
        url: str,
        worker_id: str,
        receive: Callable[[bytes], None],
        on_state: Callable[[bool, float], None],
        on_loss: Callable[[], None],
    ) -> None:
        self._url = url
        self._receive = receive
        self._on_state = on_state
        self._on_loss = on_loss
        # All ids have the same length.
        self._id = worker_id.encode()
        # Whether events are published; whether they are received too.
        self._subscribed = False
        self._connected = False
        self._lost_at = time.monotonic()
        # Failures of this outage that were logged; they may alternate.
        self._failures: set[str] = set()
        # Whether events were dropped that other workers may have to look for.
        self._dropped = False
        self._numbers = itertools.count(1)
        # The highest batch number of each worker, and the last publication of each worker that is not silent.
        self._received: dict[bytes, int] = {}
        self._live: dict[bytes, float] = {}
        # The beat that has not come back yet: its batch number and when it was sent.
        self._beat_due = False
        self._beat: tuple[int, float] | None = None
        self._valid_until = 0.0
        self._batcher: Batcher[_Outgoing] = Batcher(self._post, MAX_BATCH)
        self._waiting_bytes = 0
        self._sender = bare_connection(url, timeout=REDIS_TIMEOUT, connect_timeout=REDIS_TIMEOUT)
        self._awaited: dict[bytes, _Awaited] = {}
        metrics.queue_connected.set_function(lambda: self._connected)

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
        elif self._subscribed and len(self._batcher) < MAX_WAITING and self._waiting_bytes < MAX_WAITING_BYTES:
            self._put(b"%s %s" % (NO_ACK, events.encode(event)))
        elif hasattr(event, "rev"):
            self._dropped = True

    def beat(self) -> None:
        """Publish a beat, and detect workers that are silent (a background task, every `BEAT_SECONDS`)."""
        now = time.monotonic()
        if self._subscribed:
            self._beat_due = self._beat_due or self._beat is None
            self._put(b"")
        if self._dropped and self._connected:
            # They did not fit into the queue.
            self._dropped = False
            self._put(b"%s 1" % HELLO)
        if self._connected and now > self._valid_until:
            # `read` notices it only with the next batch.
            self._disconnect()
        silent = [worker for worker, at in self._live.items() if now - at > ACK_TIMEOUT]
        if silent and self._connected:
            for worker in silent:
                del self._live[worker]
            # A worker may have been killed between a commit and its event.
            log.info("worker_silent", workers=[worker.decode() for worker in silent])
            self._on_loss()

    def read(self) -> None:
        """Receive the events of the others until an error (a background task, which is restarted)."""
        connection = bare_connection(self._url, timeout=SILENCE_SECONDS, connect_timeout=REDIS_TIMEOUT)
        try:
            connection.send_command("SUBSCRIBE", CHANNEL)
            connection.read_response()
            early = self._say_hello(connection)
            # Events that are published during the read wait in the connection.
            self._on_state(True, time.monotonic() - self._lost_at)
            for batch in early:
                self._take(batch)
            self._connected = True
            self._failures.clear()
            self._restart_clock()
            log.info("redis_connected")
            while True:
                _message, _channel, batch = connection.read_response()
                if not self._connected or time.monotonic() > self._valid_until:
                    # This worker was suspended: the events in the connection are out of date.
                    raise redis.TimeoutError("This worker's own beats did not come back in time.")
                if not batch.startswith(self._id):
                    self._take(batch)
                elif self._beat or self._awaited:
                    self._take_echo(batch)
        except redis.RedisError as error:
            self._note_failure(error)
        finally:
            self._disconnect()
            connection.disconnect()

    def check(self) -> None:
        """Raise RuntimeError while the events of the other workers don't arrive."""
        if not self._connected:
            raise RuntimeError("The other workers can't be reached.")

    def _say_hello(self, connection: Any) -> list[bytes]:
        """Publish a hello, and wait until it has come back and the workers from before the outage are here too; returns
        the batches that arrived meanwhile."""
        expected = set(self._live)
        self._received.clear()
        self._live.clear()
        self._restart_clock()
        hello = _Awaited()
        dropped, self._dropped = self._dropped, False
        self._subscribed = True
        self._put(b"%s %d" % (HELLO, dropped), hello)
        early: list[bytes] = []
        deadline = time.monotonic() + GATHER_SECONDS
        is_back = False
        try:
            while not is_back or (expected and time.monotonic() < deadline):
                _message, _channel, batch = connection.read_response()
                if batch.startswith(self._id):
                    is_back = is_back or (hello.number is not None and _number(batch) >= hello.number)
                else:
                    early.append(batch)
                    expected.discard(batch[: len(self._id)])
                if time.monotonic() > self._valid_until:
                    raise redis.TimeoutError
        except BaseException:
            self._dropped |= dropped
            raise
        return early

    def _restart_clock(self) -> None:
        self._beat = None
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
        if self._subscribed:
            self._subscribed = self._connected = False
            self._on_state(False, 0.0)

    def _share_awaited(self, encoded: bytes, name: str) -> None:
        number = new_id().encode()
        self._awaited[number] = awaited = _Awaited()
        began = time.monotonic()
        try:
            if self._subscribed:
                self._put(b"%s %s" % (number, encoded), awaited)
            while not awaited.is_done(self._live):
                deadline = began + ACK_TIMEOUT
                if not self._subscribed:
                    # No acknowledgement arrives. If all workers lost Redis, they have all noticed it by then.
                    self._dropped = True
                    deadline = min(deadline, max(began + DISCONNECTED_ACK_TIMEOUT, self._lost_at + ACK_TIMEOUT))
                left = deadline - time.monotonic()
                if left <= 0:
                    log.warning("bus_ack_timeout", change=name)
                    return
                awaited.changed.wait(min(left, ACK_POLL_SECONDS))
                awaited.changed.clear()
        finally:
            del self._awaited[number]

    def _put(self, line: bytes, awaited: _Awaited | None = None) -> None:
        self._waiting_bytes += len(line)
        self._batcher.put((line, awaited))

    def _post(self, batch: Sequence[_Outgoing]) -> None:
        """Publish a batch; retried until it succeeds or this worker is disconnected."""
        number = next(self._numbers)
        lines = [line for line, _ in batch if line]
        encoded = b"\n".join((b"%s%d" % (self._id, number), *lines))
        self._waiting_bytes -= sum(map(len, lines))
        if self._beat_due:
            self._beat_due, self._beat = False, (number, time.monotonic())
        for _, awaited in batch:
            if awaited:
                awaited.number = number
        while self._subscribed:
            try:
                self._sender.send_command("PUBLISH", CHANNEL, encoded)
                receivers = self._sender.read_response()
            except redis.RedisError as error:
                self._note_failure(error)
                gevent.sleep(RETRY_SECONDS)
                continue
            for _, awaited in batch:
                if awaited:
                    awaited.receivers = receivers
                    awaited.changed.set()
            return
        self._dropped |= bool(lines)

    def _take(self, batch: bytes) -> None:
        """Handle a batch of another worker."""
        head, *lines = batch.split(b"\n")
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
                # During the read that follows this worker's own hello, events that others dropped are found anyway.
                if event == b"1" and self._connected:
                    self._on_loss()
            else:
                self._receive(event)
                if ack != NO_ACK:
                    self._put(b"%s %s" % (ACK, ack))

    def _take_echo(self, batch: bytes) -> None:
        """This worker's own batch has come back: it is connected, and knows all workers that were when it was
        published."""
        number = _number(batch)
        if self._beat and number >= self._beat[0]:
            self._valid_until = self._beat[1] + SILENCE_SECONDS
            self._beat = None
        for awaited in self._awaited.values():
            if awaited.expected is None and awaited.number is not None and number >= awaited.number:
                awaited.expected = set(self._live)
                awaited.changed.set()


def _number(batch: bytes) -> int:
    """The number of this worker's own batch."""
    head, _, _ = batch.partition(b"\n")
    return int(head[ID_LENGTH:])


ID_LENGTH = len(new_id())
