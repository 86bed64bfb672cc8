"""The channels of the chats that sockets of this worker are subscribed to: one per chat.

A subscription begins with the first subscriber of a chat (`ChatOrder.on_track`) and ends some seconds after the last
one, since clients that lost their connection return. Events that were published before Redis confirmed it, or while the
chat had no subscriber here, are missing: the chat is then compared with the database (`Replay.compare`). After that no
event is lost while the connection lives and the chat's slot stays on its node.
"""

import time
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from functools import partial
from typing import Protocol

import redis
from gevent.event import Event

from chatapp.compat.redis import slot_of
from chatapp.core.application import spawn_later
from chatapp.core.batching import Batcher
from chatapp.fanout.order import ChatOrder

PREFIX = b"chatapp:chat:"
# How long a subscription outlives the last subscriber of its chat.
UNSUBSCRIBE_DELAY = 10.0
# How long a new socket waits for its chats; Redis confirms them in milliseconds, or the bus disconnects.
CONFIRM_TIMEOUT = 2.0
# How long the nodes of a Cluster are given to agree who has a slot.
MOVED_SECONDS = 0.01
# Chats per command and per query.
MAX_PORTION = 1000
# Chats whose subscriptions a worker that connects requests at a time. Their confirmations, 85 bytes each, fit into the
# output buffer of Redis (`client-output-buffer-limit pubsub`), and a beat that comes back behind them is not late.
MAX_UNCONFIRMED = 10_000


class Subscriber(Protocol):
    """Sends commands to Redis; raises redis.RedisError."""

    def subscribe(self, channels: Iterable[bytes]) -> None:
        """Subscribe to channels."""

    def unsubscribe(self, channels: Iterable[bytes]) -> None:
        """Unsubscribe from channels."""


class ChatChannels:
    """The subscriptions of this worker. `compare` gets chats whose subscription is new, and never raises."""

    def __init__(self, order: ChatOrder, subscriber: Subscriber, compare: Callable[[Sequence[str]], None]) -> None:
        self._order = order
        self._subscriber = subscriber
        # Chats whose subscription was requested; those that Redis confirmed; those of both without a subscriber here,
        # with the time since when. A dict returns the string of the request, so that each chat id is there once.
        self._requested: dict[str, str] = {}
        self._confirmed: set[str] = set()
        self._idle: dict[str, float] = {}
        self._moved_slots: set[int] = set()
        # Requested chats that sockets wait for.
        self._waiting: dict[str, Event] = {}
        self._is_open = False
        # Whether confirmed chats are compared; before, all chats are about to be read from the database.
        self._comparing = False
        self._requests: Batcher[str] = Batcher(self._request, MAX_PORTION)
        self._comparisons: Batcher[str] = Batcher(compare, MAX_PORTION)
        order.on_track, order.on_forget = self._tracked, self._forgotten

    def __len__(self) -> int:
        return len(self._confirmed)

    @property
    def requested(self) -> int:
        """The number of chats that Redis has not confirmed yet."""
        return len(self._requested)

    def open(self, wait_until: Callable[[Callable[[], bool]], None]) -> None:
        """The worker is connected: subscribe to all chats that have a subscriber now, and wait for the confirmations.

        `wait_until` waits until a function returns True. It does not have to wait for chats that are tracked meanwhile:
        those that are confirmed before `compare_from_now_on` are in the read that follows it, the others are compared.
        Raises redis.RedisError.
        """
        self._is_open = True
        self._idle.clear()
        self._confirmed.clear()
        self._requested = {chat_id: chat_id for chat_id in self._order}
        chats = list(self._requested)
        for start in range(0, len(chats), MAX_UNCONFIRMED):
            # Some may have become idle since.
            portion = [each for each in chats[start : start + MAX_UNCONFIRMED] if each in self._requested]
            self._subscriber.subscribe(map(channel_of, portion))
            wait_until(partial(self._are_confirmed, portion))

    def compare_from_now_on(self) -> None:
        """All chats are about to be read from the database, except those that are confirmed later."""
        self._comparing = True

    def close(self) -> None:
        """The worker is disconnected, and its subscriptions are gone."""
        self._is_open = self._comparing = False
        self._requested.clear()
        self._confirmed.clear()
        self._idle.clear()
        self._wake(list(self._waiting))

    def confirmed(self, channel: bytes) -> None:
        """Redis has confirmed a subscription."""
        chat_id = self._requested.pop(chat_of(channel), None)
        if chat_id is None:
            return
        self._confirmed.add(chat_id)
        if self._comparing:
            self._comparisons.put(chat_id)
        self._wake((chat_id,))

    def ended(self, channel: bytes) -> None:
        """A subscription has ended: this worker has unsubscribed, or the chat's slot has moved to another node."""
        chat_id = chat_of(channel)
        if chat_id in self._confirmed:
            self._confirmed.remove(chat_id)
            self._requested[chat_id] = chat_id
            # The node refuses it with the address of the other one (`moved`).
            self._requests.put(chat_id)

    def moved(self, slot: int) -> None:
        """A slot has moved, or is about to: request what is not confirmed there again."""
        if not self._moved_slots:
            # Once for all chats of the slot, and at intervals while the nodes disagree.
            spawn_later(MOVED_SECONDS, self._request_moved)
        self._moved_slots.add(slot)

    def wait(self, chat_ids: Set[str]) -> None:
        """Wait until the subscriptions of these chats are confirmed, or the worker is disconnected."""
        missing = self._requested.keys() & chat_ids
        deadline = time.monotonic() + CONFIRM_TIMEOUT
        while missing and self._is_open and (left := deadline - time.monotonic()) > 0:
            # For one after the other, so that confirmations of other chats do not wake this socket.
            self._waiting.setdefault(next(iter(missing)), Event()).wait(left)
            missing &= self._requested.keys()

    def end_idle(self) -> None:
        """Unsubscribe from chats that have had no subscriber for some time; raises redis.RedisError."""
        before = time.monotonic() - UNSUBSCRIBE_DELAY
        idle = []
        for chat_id, since in self._idle.items():
            if since > before:
                break
            idle.append(chat_id)
        for chat_id in idle:
            del self._idle[chat_id]
            self._requested.pop(chat_id, None)
        self._wake(idle)
        self._confirmed.difference_update(idle)
        self._subscriber.unsubscribe(map(channel_of, idle))

    def _tracked(self, chat_id: str) -> None:
        if self._idle.pop(chat_id, None) is not None:
            if chat_id in self._confirmed and self._comparing:
                self._comparisons.put(chat_id)
        elif self._is_open:
            self._requested[chat_id] = chat_id
            self._requests.put(chat_id)

    def _forgotten(self, chat_id: str) -> None:
        if self._is_open:
            self._idle[chat_id] = time.monotonic()

    def _request_moved(self) -> None:
        moved, self._moved_slots = self._moved_slots, set()
        for chat_id in self._requested:
            if slot_of(channel_of(chat_id)) in moved:
                self._requests.put(chat_id)

    def _are_confirmed(self, chat_ids: Sequence[str]) -> bool:
        """True once none of the chats is requested any more: some may have become idle instead."""
        return self._requested.keys().isdisjoint(chat_ids)

    def _wake(self, chat_ids: Iterable[str]) -> None:
        """Wake the sockets that wait for these chats."""
        for chat_id in chat_ids:
            if event := self._waiting.pop(chat_id, None):
                event.set()

    def _request(self, chat_ids: Sequence[str]) -> None:
        with suppress(redis.RedisError):
            # The receiving end notices a broken connection, and requests everything again.
            self._subscriber.subscribe([channel_of(each) for each in chat_ids if each in self._requested])


def channel_of(chat_id: str) -> bytes:
    """The channel of a chat."""
    return PREFIX + chat_id.encode()


def chat_of(channel: bytes) -> str:
    """The chat of a channel."""
    return channel[len(PREFIX) :].decode()
