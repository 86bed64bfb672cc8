"""Receipts of members whose row stays locked are retried in one batch."""

from collections.abc import Callable, Collection

import pytest

from chatapp.core.db import Locked
from chatapp.features.messages import actions

Receipt = tuple[str, str, int]


def test_receipts_of_locked_members_wait_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Collection[Receipt]] = []
    later: list[Callable[[], None]] = []
    is_locked = True

    def note(newest: Collection[Receipt], statement: object, *, lock_bounded: bool) -> set[tuple[str, str]]:
        tried.append(newest)
        if is_locked and statement is actions._MARK_DELIVERED:
            raise Locked("locked")
        return {("chat", "alice")}

    monkeypatch.setattr(actions, "_note_delivered", note)
    monkeypatch.setattr(actions, "spawn_later", lambda _seconds, work: later.append(work))
    for seq in (3, 5, 4):
        actions.mark_delivered_soon([("chat", "alice", seq), ("chat", "bob", seq)])
    assert len(later) == 1
    is_locked = False
    later[0]()
    assert tried[-1] == [("chat", "bob", 5)]
    assert not actions._locked.get()
