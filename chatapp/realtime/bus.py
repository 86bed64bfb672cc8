"""Events between workers, over Redis publish/subscribe.

It carries immediacy and nothing else: what it loses is in the database. A worker that does not get the others' events
emits nothing to its own sockets either, until it does again and has read the database (`on_state`).

What a worker can rely on:
- It receives its own beats. If the last one that came back was sent more than `SILENCE_SECONDS` ago, the worker is
  disconnected, even if that is because it was suspended.
- A worker that connects says hello on the channel before it reads the database. So whoever publishes a change either
  knows it, and waits for its acknowledgement, or committed before that read.
- A hello says whether the worker dropped events before it; others then look for them in the database. A connected
  worker that dropped some says hello again.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import gevent
import redis
import structlog
from gevent.event import Event

from chatapp.core import events, metrics
from chatapp.core.batching import Batcher
from chatapp.core.causes import MAX_CAUSES
from chatapp.core.ids import new_id

log = structlog.get_logger()

# With the version of the batch format: workers of different versions don't read each other's.
CHANNEL = "chatapp:events:3"
BEAT_SECONDS = 1.0
SILENCE_SECONDS = 4.0
RETRY_SECONDS = 0.25
# For every single wait for Redis, except the wait for the next batch.
REDIS_TIMEOUT = 1.0
# How long an action waits for every worker's acknowledgement. A worker that has not sent it by then is disconnected,
# and knows it.
ACK_TIMEOUT = SILENCE_SECONDS + 1
# The same while this worker has been disconnected for longer than that.
DISCONNECTED_ACK_TIMEOUT = 1.0
# How often an action that waits looks whether a worker has fallen silent.
ACK_POLL_SECONDS = 0.25
# After an outage, how long a worker waits for the others to connect again before it reads the database.
GATHER_SECONDS = 1.0
# Events that wait to be published; beyond that they are dropped, and found in the database later.
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 16 * 1024 * 1024
MAX_BATCH = 1000
# A batch: its sender's id and number, and a line for each event, which begins with the number to acknowledge.
NO_ACK, ACK, HELLO = b"-", b"ack", b"hello"


class _Awaited:
    """The acknowledgements of an event. `number` is that of its batch, once it has one."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.receivers: int | None = None
        # The workers that were connected when the batch was published.
        self.expected: set[bytes] | None = None
        self.acks: set[bytes] = set()
        self.changed = Event()

    def is_done(self, live: dict[bytes, float]) -> bool:
        """Whether every worker has acknowledged, those aside that have fallen silent since."""
        if self.expected is None:
            return False
        # PUBLISH counts this worker too, and connections of hosts that are gone.
        by_count = self.receivers is not None and len(self.acks) >= self.receivers - 1
        silent_since = time.monotonic() - ACK_TIMEOUT
        return by_count or all(live.get(worker, 0.0) < silent_since for worker in self.expected - self.acks)


_Outgoing: TypeAlias = "tuple[bytes, _Awaited | None]"


class Bus:
    """This worker's connection to the others.

    `receive` gets each event of another worker, encoded. `on_state(connected, seconds)` is called when the bus is
    disconnected, and, with how long that took, before anything is received once it is connected again; `on_loss` when
    events may have been lost although it was connected.
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
        # All ids are equally long.
        self._id = worker_id.encode()
        # Whether events are published; whether they are received too.
        self._subscribed = False
        self._connected = False
        self._lost_at = time.monotonic()
        # What was logged of the outage that goes on; reasons may alternate.
        self._failures: set[str] = set()
        # Whether events were dropped that other workers may have to look for.
        self._dropped = False
        self._numbers = itertools.count(1)
        # The highest batch number of each worker, and when each that is not silent last published.
        self._received: dict[bytes, int] = {}
        self._live: dict[bytes, float] = {}
        # The beat that has not come back yet: its batch's number and when it was sent.
        self._beat_due = False
        self._beat: tuple[int, float] | None = None
        self._valid_until = 0.0
        self._batcher: Batcher[_Outgoing] = Batcher(self._post, MAX_BATCH)
        self._waiting_bytes = 0
        self._sender = self._connection(REDIS_TIMEOUT)
        self._awaited: dict[bytes, _Awaited] = {}
        metrics.queue_connected.set_function(lambda: self._connected)

    @property
    def connected(self) -> bool:
        """Whether this worker gets the others' events."""
        return self._connected

    @property
    def seconds_disconnected(self) -> float:
        """For how long the bus has been disconnected; 0 while it is connected."""
        return 0.0 if self._connected else time.monotonic() - self._lost_at

    def peers(self) -> set[str] | None:
        """The ids of the workers whose events arrive here; None while disconnected."""
        return {worker.decode() for worker in self._live} if self._connected else None

    def share(self, event: events.Event) -> None:
        """Publish an event to the other workers; one that is `awaited` returns when it is in force on all of them."""
        if event.awaited:
            self._share_awaited(events.encode(event), type(event).__name__)
        elif self._subscribed and len(self._batcher) < MAX_WAITING and self._waiting_bytes < MAX_WAITING_BYTES:
            self._put(b"%s %s" % (NO_ACK, events.encode(event)))
        elif hasattr(event, "rev"):
            self._dropped = True

    def beat(self) -> None:
        """Give a sign of life, and notice who gives none (a background task, every `BEAT_SECONDS`)."""
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
            # It may have been killed between a commit and its event.
            log.info("worker_silent", workers=[worker.decode() for worker in silent])
            self._on_loss()

    def read(self) -> None:
        """Receive the others' events until that fails (a background task, which is started again)."""
        connection = self._connection(SILENCE_SECONDS)
        try:
            connection.send_command("SUBSCRIBE", CHANNEL)
            connection.read_response()
            early = self._say_hello(connection)
            # Whatever is published during the read waits in the connection.
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
                    # Of a worker that was suspended: what waits in the connection is out of date.
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
        """Raise RuntimeError while the other workers' events don't arrive."""
        if not self._connected:
            raise RuntimeError("The other workers can't be reached.")

    def _say_hello(self, connection: Any) -> list[bytes]:
        """Announce this worker, and wait until that has come back and the workers that were there before the outage are
        here too; returns the batches that came meanwhile."""
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
        """Log why there is no connection, each reason once in an outage."""
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
                    # Nothing arrives. If Redis is gone for all workers, they have all noticed it by then.
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
        """Publish a batch; it is tried again until that works or this worker is disconnected."""
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
        """Handle another worker's batch."""
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
                # During the read that follows one's own hello, what others dropped is found anyway.
                if event == b"1" and self._connected:
                    self._on_loss()
            else:
                self._receive(event)
                if ack != NO_ACK:
                    self._put(b"%s %s" % (ACK, ack))

    def _take_echo(self, batch: bytes) -> None:
        """One's own batch has come back: this worker is connected, and knows all that were when it was published."""
        number = _number(batch)
        if self._beat and number >= self._beat[0]:
            self._valid_until = self._beat[1] + SILENCE_SECONDS
            self._beat = None
        for awaited in self._awaited.values():
            if awaited.expected is None and awaited.number is not None and number >= awaited.number:
                awaited.expected = set(self._live)
                awaited.changed.set()

    def _connection(self, timeout: float) -> Any:
        """A connection that opens when it is used, and again after it has failed; a longer wait raises
        redis.TimeoutError. Bare: a client would try again by itself, which hides lost batches."""
        pool = redis.ConnectionPool.from_url(
            self._url, socket_timeout=timeout, socket_connect_timeout=REDIS_TIMEOUT, socket_keepalive=True
        )
        return pool.make_connection()


def _number(batch: bytes) -> int:
    """The number of one's own batch, whose id is not looked at."""
    head, _, _ = batch.partition(b"\n")
    return int(head[ID_LENGTH:])


ID_LENGTH = len(new_id())
