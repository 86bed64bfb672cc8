"""Requests and handshakes that arrive together start in several turns of the event loop."""

from collections.abc import Iterator
from functools import partial

import gevent
import pytest

from chatapp.server import turns as module
from chatapp.server.turns import Turns, Work


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many turns the event loop has made; one request and one handshake start in each."""
    monkeypatch.setattr(module, "BUDGET_SECONDS", 0.0)
    count = [0]
    with gevent.get_hub().loop.check() as watcher:
        watcher.start(lambda: count.append(count.pop() + 1))
        yield count


def test_requests_and_handshakes_start_alternately_in_several_turns(turn: list[int]) -> None:
    turns, started = Turns(), list[tuple[str, int]]()

    def begin(kind: Work) -> None:
        started.append((kind.name.lower(), turn[0]))

    # All of them wait before the event loop continues.
    for kind in (*[Work.HANDSHAKE] * 4, *[Work.REQUEST] * 2):
        turns.start(kind, partial(begin, kind))
    with gevent.Timeout(10):
        while len(started) < 6:
            gevent.sleep(0)
    first = started[0][1]
    assert [(kind, at - first) for kind, at in started] == [
        ("request", 0),
        ("handshake", 0),
        ("request", 1),
        ("handshake", 1),
        ("handshake", 2),
        ("handshake", 3),
    ]


def test_request_that_follows_alone_starts_at_once(turn: list[int]) -> None:
    turns = Turns()
    turns.wait(Work.REQUEST)
    gevent.sleep(0.001)
    before = turn[0]
    turns.wait(Work.REQUEST)
    assert turn[0] == before


def test_request_that_is_killed_while_it_waits_holds_up_no_other(turn: list[int]) -> None:
    turns = Turns()
    turns.wait(Work.REQUEST)
    killed, next_one = gevent.spawn(turns.wait, Work.REQUEST), gevent.spawn(turns.wait, Work.REQUEST)
    gevent.idle()
    killed.kill()
    next_one.join(1)
    assert next_one.successful()
