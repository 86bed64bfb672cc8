"""The events of a chat are told in order; one that is missing is waited for, each as long as any other."""

from collections.abc import Callable

import gevent
import pytest

from chatapp.realtime import order as ordering
from chatapp.realtime.order import ChatOrder

HOLD = 0.2
Hear = Callable[[int], None]


@pytest.fixture
def told() -> list[int]:
    """What was told so far."""
    return []


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> ChatOrder:
    """Somebody hears a chat that was at 0."""
    monkeypatch.setattr(ordering, "HOLD_SECONDS", HOLD)
    order = ChatOrder()
    order.track("chat", 0, 0)
    return order


@pytest.fixture
def hear(order: ChatOrder, told: list[int]) -> Hear:
    """Has the change of that number arrive."""
    return lambda rev: order.emit("chat", rev, lambda: told.append(rev))


def test_what_overtook_waits_for_what_was_before_it(hear: Hear, told: list[int]) -> None:
    for rev in (3, 2, 1):
        hear(rev)
    assert told == [1, 2, 3]


def test_an_event_that_never_comes_is_waited_for_only_so_long(hear: Hear, told: list[int]) -> None:
    hear(2)
    gevent.sleep(HOLD / 2)
    assert told == []
    gevent.sleep(HOLD)
    hear(1)
    assert told == [2]


def test_an_event_that_comes_twice_is_emitted_once(hear: Hear, told: list[int]) -> None:
    for rev in (1, 1, 3, 3, 2, 2):
        hear(rev)
    assert told == [1, 2, 3]


def test_behind_an_advanced_position_held_events_follow(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    for rev in (3, 5, 6):
        hear(rev)
    order.advance("chat", 4)
    order.resume("chat")
    assert told == [5, 6]


def test_each_gap_is_waited_for_anew(hear: Hear, told: list[int]) -> None:
    hear(2)
    gevent.sleep(HOLD * 0.8)
    hear(1)
    # Of the time for the first gap a fifth is left, which is not that of the second.
    hear(4)
    gevent.sleep(HOLD / 2)
    hear(3)
    assert told == [1, 2, 3, 4]


def test_a_gap_behind_another_is_waited_for_anew(hear: Hear, told: list[int]) -> None:
    hear(2)
    hear(4)
    gevent.sleep(HOLD * 0.8)
    hear(1)
    gevent.sleep(HOLD / 2)
    hear(3)
    assert told == [1, 2, 3, 4]


def test_a_gap_that_shows_lets_no_other_show(hear: Hear, told: list[int]) -> None:
    hear(2)
    hear(4)
    gevent.sleep(HOLD * 1.4)
    assert told == [2]
    hear(3)
    assert told == [2, 3, 4]


def test_a_gap_is_filled_before_held_events_are_emitted(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    def fill(chat_id: str) -> bool:
        told.append(1)
        order.advance(chat_id, 1)
        order.resume(chat_id)
        return True

    order.fill_gap = fill
    hear(2)
    gevent.sleep(HOLD * 1.4)
    assert told == [1, 2]


def test_events_that_come_while_a_gap_is_filled_are_emitted_in_order(
    order: ChatOrder, hear: Hear, told: list[int]
) -> None:
    def fill(_chat_id: str) -> bool:
        hear(1)
        return True

    order.fill_gap = fill
    hear(2)
    hear(4)
    gevent.sleep(HOLD * 1.4)
    # The gap before 4 has only begun to be waited for.
    assert told == [1, 2]


def test_without_subscribers_after_a_gap_nothing_is_emitted(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    def forget(chat_id: str) -> bool:
        order.forget(chat_id)
        return True

    order.fill_gap = forget
    hear(2)
    gevent.sleep(HOLD * 1.4)
    assert told == []


def test_a_gap_that_can_not_be_filled_is_tried_again(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    def fail(_chat_id: str) -> bool:
        order.fill_gap = lambda _chat_id: True
        raise RuntimeError

    order.fill_gap = fail
    hear(2)
    gevent.sleep(HOLD * 1.4)
    assert told == []
    gevent.sleep(HOLD)
    assert told == [2]


def test_behind_a_gap_nothing_is_emitted_while_disconnected(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    order.fill_gap = lambda _chat_id: False
    hear(2)
    gevent.sleep(HOLD * 1.4)
    assert told == []
    assert order.position("chat") == 0


def test_too_many_held_events_are_dropped_and_reported(
    order: ChatOrder, hear: Hear, told: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "MAX_HELD", 2)
    reported: list[bool] = []
    order.on_overflow = lambda: reported.append(True)
    for rev in (3, 4, 5):
        hear(rev)
    assert len(reported) == 1
    order.advance("chat", 2)
    order.resume("chat")
    assert told == [3, 4]
    for rev in (7, 8):
        hear(rev)
    order.forget("chat")
    order.track("chat", 0, 0)
    for rev in (2, 3):
        hear(rev)
    assert len(reported) == 1
