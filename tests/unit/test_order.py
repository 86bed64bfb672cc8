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
    order.track("chat", 0)
    return order


@pytest.fixture
def hear(order: ChatOrder, told: list[int]) -> Hear:
    """Has the change of that number arrive."""
    return lambda rev: order.tell("chat", rev, lambda: told.append(rev))


def test_what_overtook_waits_for_what_was_before_it(hear: Hear, told: list[int]) -> None:
    for rev in (3, 2, 1):
        hear(rev)
    assert told == [1, 2, 3]


def test_what_never_comes_is_waited_for_only_so_long(hear: Hear, told: list[int]) -> None:
    hear(2)
    gevent.sleep(HOLD / 2)
    assert told == []
    gevent.sleep(HOLD)
    hear(1)
    assert told == [2]


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


def test_before_a_gap_shows_it_is_asked_who_is_in_the_chat(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    seen = []
    order.look_again = lambda chat_id: seen.append((chat_id, list(told)))
    hear(2)
    gevent.sleep(HOLD * 1.4)
    assert (seen, told) == ([("chat", [])], [2])


def test_what_comes_while_that_is_asked_is_told_in_order(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    order.look_again = lambda _chat_id: hear(1)
    hear(2)
    hear(4)
    gevent.sleep(HOLD * 1.4)
    # The gap before 4 has only begun to be waited for.
    assert told == [1, 2]


def test_whoever_hears_no_more_once_that_is_asked_is_told_nothing(
    order: ChatOrder, hear: Hear, told: list[int]
) -> None:
    order.look_again = order.forget
    hear(2)
    gevent.sleep(HOLD * 1.4)
    assert told == []


def test_while_that_can_not_be_asked_nothing_is_told(order: ChatOrder, hear: Hear, told: list[int]) -> None:
    def fail(_chat_id: str) -> None:
        raise RuntimeError

    order.look_again = fail
    hear(2)
    gevent.sleep(HOLD * 1.4)
    hear(3)
    order.look_again = lambda _chat_id: None
    gevent.sleep(HOLD * 1.4)
    assert told == [3]
