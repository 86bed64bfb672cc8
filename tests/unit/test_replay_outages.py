"""A replay whose bus or chat changed while it read the database."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp import replay as replaying
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.features.messages.missed import MissedChanges
from chatapp.replay import MAX_MISSED, Replay


@pytest.fixture
def replay() -> Iterator[Replay]:
    """The replay of a worker with one subscribed chat, which was at 4."""
    rooms.order.track("chat", 4, 4)
    yield Replay()
    rooms.order.forget("chat")


def test_outage_during_reconcile_leaves_rooms_to_the_next_one(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "connected", True)

    def read() -> Any:
        view.disconnect()
        replay.stop()
        return SimpleNamespace(joined={})

    monkeypatch.setattr(replaying, "_State", read)
    replay.reconcile()
    assert not view.connected


def test_changes_read_before_an_outage_are_read_again(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    replayed: list[int] = []
    reads = iter([6, 9])

    def read(_positions: object) -> dict[str, MissedChanges]:
        last_rev = next(reads)
        if last_rev == 6:
            view.outages += 1
            replay.stop()
            replay._pending["chat"] = 5
        return {"chat": MissedChanges(last_rev, last_rev)}

    def note(_chat_id: str, missed: MissedChanges) -> int:
        replayed.append(missed.last_rev)
        return 0

    monkeypatch.setattr(replaying, "changes_since", read)
    monkeypatch.setattr(replay, "_replay", note)
    replay._pending["chat"] = 2
    replay._drain()
    assert replayed == [9]


def test_new_members_are_subscribed_without_replay_of_too_many_changes(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bool] = []
    monkeypatch.setattr(replay, "request", lambda: requests.append(True))
    too_many = MissedChanges(5 + MAX_MISSED, 5 + MAX_MISSED)
    assert replay._replay("chat", too_many) == 0
    assert not requests
    rooms.order.track("chat", 4, 4)
    replay._joined["chat"]["bob"] = 6
    assert replay._replay("chat", too_many) == 0
    assert requests
