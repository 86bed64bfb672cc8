"""Events of a chat are emitted in order; each missing one is awaited for the same time."""

from collections.abc import Callable
from typing import Any

import pytest

from chatapp.fanout import order as ordering
from chatapp.fanout.order import HOLD_SECONDS as HOLD
from chatapp.fanout.order import ChatOrder

Receive = Callable[[int], None]


class Timers:
    """Replaces gevent: time passes by `sleep` alone."""

    def __init__(self) -> None:
        self._now = 0.0
        self._pending: list[tuple[float, Callable[..., None], Any]] = []

    def spawn_later(self, seconds: float, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` in so many seconds."""
        self._pending.append((self._now + seconds, function, arguments))

    def sleep(self, seconds: float) -> None:
        """Let time pass, and call what is due, in order."""
        until = self._now + seconds
        while due := min((each for each in self._pending if each[0] <= until), key=lambda each: each[0], default=None):
            self._pending.remove(due)
            self._now, function, arguments = due
            function(*arguments)
        self._now = until


@pytest.fixture
def emitted() -> list[int]:
    """The emitted events."""
    return []


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """The timers of the order."""
    timers = Timers()
    monkeypatch.setattr(ordering, "spawn_later", timers.spawn_later)
    return timers


@pytest.fixture
def order(timers: Timers) -> ChatOrder:
    """A chat with a subscriber, at rev 0."""
    order = ChatOrder()
    order.track("chat", 0, 0)
    return order


@pytest.fixture
def receive(order: ChatOrder, emitted: list[int]) -> Receive:
    """Receives the change of that number."""
    return lambda rev: order.emit("chat", rev, lambda: emitted.append(rev))


def test_out_of_order_events_wait_for_earlier_ones(receive: Receive, emitted: list[int]) -> None:
    for rev in (3, 2, 1):
        receive(rev)
    assert emitted == [1, 2, 3]


def test_missing_event_is_awaited_for_a_limited_time(receive: Receive, emitted: list[int], timers: Timers) -> None:
    receive(2)
    timers.sleep(HOLD / 2)
    assert emitted == []
    timers.sleep(HOLD)
    receive(1)
    assert emitted == [2]


def test_duplicate_event_is_emitted_once(receive: Receive, emitted: list[int]) -> None:
    for rev in (1, 1, 3, 3, 2, 2):
        receive(rev)
    assert emitted == [1, 2, 3]


def test_held_events_follow_an_advanced_position(order: ChatOrder, receive: Receive, emitted: list[int]) -> None:
    for rev in (3, 5, 6):
        receive(rev)
    order.advance("chat", 4)
    order.resume("chat")
    assert emitted == [5, 6]


def test_each_gap_has_its_own_timeout(receive: Receive, emitted: list[int], timers: Timers) -> None:
    receive(2)
    timers.sleep(HOLD * 0.8)
    receive(1)
    # A fifth of the timeout of the first gap is left, which does not apply to the second.
    receive(4)
    timers.sleep(HOLD / 2)
    receive(3)
    assert emitted == [1, 2, 3, 4]


def test_gap_behind_another_has_its_own_timeout(receive: Receive, emitted: list[int], timers: Timers) -> None:
    receive(2)
    receive(4)
    timers.sleep(HOLD * 0.8)
    receive(1)
    timers.sleep(HOLD / 2)
    receive(3)
    assert emitted == [1, 2, 3, 4]


def test_second_gap_waits_for_the_first(receive: Receive, emitted: list[int], timers: Timers) -> None:
    receive(2)
    receive(4)
    timers.sleep(HOLD * 1.4)
    assert emitted == [2]
    receive(3)
    assert emitted == [2, 3, 4]


def test_a_gap_is_filled_before_held_events_are_emitted(
    order: ChatOrder, receive: Receive, emitted: list[int], timers: Timers
) -> None:
    def fill(chat_id: str) -> bool:
        emitted.append(1)
        order.advance(chat_id, 1)
        order.resume(chat_id)
        return True

    order.fill_gap = fill
    receive(2)
    timers.sleep(HOLD * 1.4)
    assert emitted == [1, 2]


def test_events_during_gap_filling_are_emitted_in_order(
    order: ChatOrder, receive: Receive, emitted: list[int], timers: Timers
) -> None:
    def fill(_chat_id: str) -> bool:
        receive(1)
        return True

    order.fill_gap = fill
    receive(2)
    receive(4)
    timers.sleep(HOLD * 1.4)
    # The timeout of the gap before 4 has only begun.
    assert emitted == [1, 2]


def test_nothing_is_emitted_if_the_gap_ends_the_subscription(
    order: ChatOrder, receive: Receive, emitted: list[int], timers: Timers
) -> None:
    def forget(chat_id: str) -> bool:
        order.forget(chat_id)
        return True

    order.fill_gap = forget
    receive(2)
    timers.sleep(HOLD * 1.4)
    assert emitted == []


def test_failed_gap_filling_is_retried(order: ChatOrder, receive: Receive, emitted: list[int], timers: Timers) -> None:
    def fail(_chat_id: str) -> bool:
        order.fill_gap = lambda _chat_id: True
        raise RuntimeError

    order.fill_gap = fail
    receive(2)
    timers.sleep(HOLD * 1.4)
    assert emitted == []
    timers.sleep(HOLD)
    assert emitted == [2]


def test_nothing_behind_a_gap_is_emitted_while_disconnected(
    order: ChatOrder, receive: Receive, emitted: list[int], timers: Timers
) -> None:
    order.fill_gap = lambda _chat_id: False
    receive(2)
    timers.sleep(HOLD * 1.4)
    assert emitted == []
    assert order.position("chat") == 0


def test_too_many_held_events_are_dropped_and_reported(
    order: ChatOrder, receive: Receive, emitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "MAX_HELD", 2)
    reported: list[bool] = []
    order.on_overflow = lambda: reported.append(True)
    for rev in (3, 4, 5):
        receive(rev)
    assert len(reported) == 1
    order.advance("chat", 2)
    order.resume("chat")
    assert emitted == [3, 4]
    for rev in (7, 8):
        receive(rev)
    order.forget("chat")
    order.track("chat", 0, 0)
    for rev in (2, 3):
        receive(rev)
    assert len(reported) == 1
