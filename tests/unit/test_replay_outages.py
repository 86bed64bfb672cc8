"""A replay whose bus or chat changed while it read the database."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.core.user_state import UserState
from chatapp.fanout import recovery
from chatapp.fanout.differences import Differences
from chatapp.fanout.recovery import MAX_MISSED, MAX_READS, Replay
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.features.messages import recovery as messages
from chatapp.features.messages.missed import MissedChanges
from chatapp.sockets.connection import SocketConnection

CHAT = "018f2a6e-7b1c-7000-8000-000000000001"


@pytest.fixture
def replay() -> Iterator[Replay[MissedChanges]]:
    """The replay of a worker with one subscribed chat, which was at 4."""
    rooms().order.track(CHAT, 4, 4)
    yield Replay(rooms(), view(), messages.source(lambda _session_ids: []))
    rooms().order.forget(CHAT)


def test_outage_during_reconcile_leaves_rooms_to_the_next_one(
    replay: Replay[MissedChanges], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view(), "connected", True)

    def read(*_source: object) -> Any:
        view().disconnect()
        replay.stop()
        return SimpleNamespace(joined={})

    monkeypatch.setattr(recovery, "Differences", read)
    replay.reconcile()
    assert not view().connected


def replayed_after(
    replay: Replay[MissedChanges], monkeypatch: pytest.MonkeyPatch, during_first_read: Callable[[], None]
) -> list[int]:
    """The `rev`s up to which a chat is replayed, whose reads find it at 6 and then at 9."""
    replayed: list[int] = []
    reads = iter([6, 9])

    def read(_positions: object) -> dict[str, MissedChanges]:
        last_rev = next(reads)
        if last_rev == 6:
            during_first_read()
        return {CHAT: MissedChanges(last_rev, last_rev)}

    def note(_chat_id: str, missed: MissedChanges) -> int:
        replayed.append(missed.last_rev)
        return 0

    source: Any = replace(replay._source, changes_since=read)
    monkeypatch.setattr(replay, "_source", source)
    monkeypatch.setattr(replay, "_replay", note)
    replay._pending[CHAT] = 2
    replay._drain()
    return replayed


def test_changes_read_before_an_outage_are_read_again(
    replay: Replay[MissedChanges], monkeypatch: pytest.MonkeyPatch
) -> None:
    def outage() -> None:
        view().outages += 1
        replay.stop()
        replay._pending[CHAT] = 5

    assert replayed_after(replay, monkeypatch, outage) == [9]


def test_changes_requested_during_a_read_are_read_again(
    replay: Replay[MissedChanges], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replayed_after(replay, monkeypatch, lambda: replay._pending.update({CHAT: 3})) == [6, 9]


def test_new_members_are_subscribed_without_replay_of_too_many_changes(
    replay: Replay[MissedChanges], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bool] = []
    monkeypatch.setattr(replay, "request", lambda: requests.append(True))
    too_many = MissedChanges(5 + MAX_MISSED, 5 + MAX_MISSED)
    assert replay._replay(CHAT, too_many) == 0
    assert not requests
    rooms().order.track(CHAT, 4, 4)
    replay._joined[CHAT]["bob"] = 6
    assert replay._replay(CHAT, too_many) == 0
    assert requests


def test_a_socket_that_is_closed_during_the_read_makes_its_user_no_new_member(
    replay: Replay[MissedChanges],
) -> None:
    unused: Any = None
    actor: Any = SimpleNamespace(user_id="bob")
    closed, other = (SocketConnection(id, id, unused, actor, 0, unused) for id in ("1", "2"))
    for socket in (closed, other):
        rooms().add(socket)
        rooms().fill(socket, UserState(chats={CHAT: (4, 4)}))

    def list_rooms(user_ids: list[str]) -> dict[str, UserState]:
        rooms().remove(closed.id)
        return {id: UserState() for id in user_ids} | {"bob": UserState(chats={CHAT: (6, 6)})}

    joined: list[tuple[str, str]] = []

    def joined_at(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[int | None, int]]:
        joined.extend(pairs)
        return {}

    source: Any = replace(
        replay._source, list_rooms=list_rooms, joined_at=joined_at, find_actors=lambda actors: list(actors)
    )
    Differences(rooms(), source)
    # To subscribe him again, from the newest change on, would keep from his other socket what it missed.
    rooms().remove(other.id)
    assert joined == []


@pytest.mark.parametrize(("changes", "introduced_at"), [(1, 5), (1000, 3 + MAX_READS)])
def test_new_member_misses_nothing_that_was_emitted_while_the_chat_was_read(
    replay: Replay[MissedChanges], monkeypatch: pytest.MonkeyPatch, changes: int, introduced_at: int
) -> None:
    unused: Any = None
    bob = SocketConnection("1", "1", unused, SimpleNamespace(user_id="bob"), 0, unused)  # type: ignore[arg-type]
    rooms().add(bob)
    rooms().fill(bob, UserState())
    introduced: list[int] = []

    def read_chat(_chat_ids: object) -> Any:
        """The chat as it is; changes are emitted to other sockets before the first reads return."""
        last_rev = rooms().order.position(CHAT) or 0
        if last_rev < 4 + changes:
            rooms().order.emit(CHAT, last_rev + 1, lambda: None)
        return {CHAT: ({"id": CHAT, "lastRev": last_rev, "lastSeq": 0}, [])}

    differences = SimpleNamespace(joined={("bob", CHAT): (None, 0)}, positions={CHAT: (4, 0)})
    differences.apply_actors = differences.apply_own_state = lambda: None
    differences.leavers = list
    monkeypatch.setattr(recovery, "Differences", lambda *_source: differences)
    source: Any = replace(
        replay._source, new_chats=read_chat, emit_new_chat=lambda _to, chat, _online: introduced.append(chat["lastRev"])
    )
    monkeypatch.setattr(replay, "_source", source)
    replay.reconcile()
    rooms().remove(bob.id)
    assert introduced == [introduced_at]
