"""The check of clients that never call `sync` finds missing events."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.checker import Truth
from tests.chaos.completeness import DOUBLED, INCOMPLETE, LEAKED, OUT_OF_ORDER, RESYNC, check_completeness, missing_now
from tests.chaos.plain import CONNECTED, DISCONNECTED, Entry, PlainClient

CHAT, ALICE, BOB = "chat", "alice", "bob"
FOREVER = float("inf")


def stored(number: int, rev: int, **changes: Any) -> Any:
    """A message as stored in the database."""
    values = {"id": f"m{number}", "chat_id": CHAT, "rev": rev, "content": f"text {number}", "deleted_at": None}
    return SimpleNamespace(**values | changes)


def new(number: int, rev: int, name: str = "message:new", **changes: Any) -> Entry:
    """The event of a message."""
    message = {"id": f"m{number}", "chatId": CHAT, "rev": rev, "content": f"text {number}", "isDeleted": False}
    return Entry(name, message | changes)


def connected(rev: int = 1, members: tuple[str, ...] = (ALICE, BOB)) -> Entry:
    """The begin of a connection whose chat was at `rev`."""
    return Entry(CONNECTED, {CHAT: (rev, list(members))})


ENDED = Entry(DISCONNECTED, {})


class Scene:
    """Bob's client was connected while three messages were sent, and received them."""

    def __init__(self) -> None:
        self.messages = [stored(number, number + 1) for number in (1, 2, 3)]
        self.members = {(CHAT, ALICE): None, (CHAT, BOB): None}
        self.stays: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        self.stays |= {(CHAT, user): [(1, FOREVER)] for user in (ALICE, BOB)}
        self.record = [connected(), *(new(number, number + 1) for number in (1, 2, 3))]

    @property
    def truth(self) -> Truth:
        return Truth({row.id: row for row in self.messages}, {}, cast(Any, self.members), self.stays)

    @property
    def client(self) -> PlainClient:
        client = PlainClient.__new__(PlainClient)
        client.user_id, client.name, client.record = BOB, "bob", self.record
        return client

    def violations(self) -> dict[str, int]:
        """The number of violations of each kind found."""
        found = check_completeness(self.truth, [self.client])
        return {kind: len(violations) for kind, violations in found.items() if violations}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_complete_record_has_no_violations(scene: Scene) -> None:
    assert scene.violations() == {}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_message_that_was_not_received_is_found(scene: Scene, number: int) -> None:
    del scene.record[number]
    assert scene.violations() == {INCOMPLETE: 1}


def test_a_gap_is_found_in_a_connection_that_has_ended(scene: Scene) -> None:
    scene.record = [connected(), new(1, 2), new(3, 4), ENDED]
    assert scene.violations() == {INCOMPLETE: 1}


def test_last_events_may_be_lost_with_the_connection(scene: Scene) -> None:
    scene.record = [connected(), new(1, 2), ENDED]
    assert scene.violations() == {}


def test_earlier_changes_need_not_arrive(scene: Scene) -> None:
    scene.record = [connected(), new(1, 2), ENDED, connected(rev=3), new(3, 4)]
    assert scene.violations() == {}


def test_an_edit_that_was_not_received_is_found(scene: Scene) -> None:
    scene.messages[0] = stored(1, 5, content="edited")
    assert scene.violations() == {INCOMPLETE: 1}
    scene.record.append(new(1, 5, "message:edited", content="edited"))
    assert scene.violations() == {}


def test_a_deletion_that_was_not_received_is_found(scene: Scene) -> None:
    scene.messages[0] = stored(1, 5, content=None, deleted_at="now")
    assert scene.violations() == {INCOMPLETE: 1}
    scene.record.append(Entry("message:deleted", {"messageId": "m1", "chatId": CHAT, "rev": 5}))
    assert scene.violations() == {}


def test_a_message_that_was_replayed_in_its_newest_state_is_complete(scene: Scene) -> None:
    scene.messages[0] = stored(1, 5, content="edited")
    scene.record = [connected(), new(2, 3), new(3, 4), new(1, 5, content="edited")]
    assert scene.violations() == {}


def test_other_content_is_found(scene: Scene) -> None:
    scene.record[2] = new(2, 3, content="other")
    assert scene.violations() == {INCOMPLETE: 1}


def test_duplicate_event_is_found(scene: Scene) -> None:
    scene.record.append(scene.record[-1])
    assert scene.violations() == {DOUBLED: 1}


def test_events_in_another_order_are_found(scene: Scene) -> None:
    scene.record[1], scene.record[2] = scene.record[2], scene.record[1]
    assert scene.violations() == {OUT_OF_ORDER: 1}


def test_a_membership_that_was_not_received_is_found(scene: Scene) -> None:
    scene.members[CHAT, "carol"] = None
    assert scene.violations() == {INCOMPLETE: 1}
    scene.record.append(Entry("chat:member_joined", {"chatId": CHAT, "member": {"userId": "carol"}}))
    assert scene.violations() == {}
    scene.record.append(scene.record[-1])
    assert scene.violations() == {DOUBLED: 1}


def test_a_member_who_left_without_an_event_is_found(scene: Scene) -> None:
    del scene.members[CHAT, ALICE]
    assert scene.violations() == {INCOMPLETE: 1}
    scene.record.append(Entry("chat:member_left", {"chatId": CHAT, "userId": ALICE}))
    assert scene.violations() == {}


def test_a_new_chat_that_was_not_received_is_found(scene: Scene) -> None:
    scene.members |= {("other", BOB): None}
    scene.stays["other", BOB] = [(1, FOREVER)]
    assert scene.violations() == {INCOMPLETE: 1}
    chat = Entry("chat:new", {"id": "other", "lastRev": 1, "members": [{"userId": BOB}]})
    scene.record.append(chat)
    assert scene.violations() == {}
    scene.record.append(chat)
    assert scene.violations() == {DOUBLED: 1}


def test_a_message_of_a_new_chat_that_was_not_received_is_found(scene: Scene) -> None:
    scene.members |= {("other", BOB): None}
    scene.stays["other", BOB] = [(1, FOREVER)]
    scene.record.append(Entry("chat:new", {"id": "other", "lastRev": 1, "members": [{"userId": BOB}]}))
    scene.messages.append(stored(9, 2, chat_id="other"))
    assert scene.violations() == {INCOMPLETE: 1}


def test_a_removal_that_was_not_received_is_found(scene: Scene) -> None:
    del scene.members[CHAT, BOB]
    scene.stays[CHAT, BOB] = [(1, 4)]
    assert scene.violations() == {INCOMPLETE: 1}
    scene.record.append(Entry("chat:member_left", {"chatId": CHAT, "userId": BOB}))
    assert scene.violations() == {}


def test_a_message_from_after_the_removal_is_found(scene: Scene) -> None:
    scene.stays[CHAT, BOB] = [(1, 3), (9, FOREVER)]
    assert scene.violations() == {LEAKED: 1}


def test_a_user_who_joins_again_is_complete_from_then_on(scene: Scene) -> None:
    scene.stays[CHAT, BOB] = [(1, 3), (5, FOREVER)]
    scene.messages[2:] = [stored(3, 4), stored(4, 6)]
    again = Entry("chat:new", {"id": CHAT, "lastRev": 5, "members": [{"userId": ALICE}, {"userId": BOB}]})
    scene.record = [connected(), new(1, 2), new(2, 3), again, new(4, 6)]
    assert scene.violations() == {}


@pytest.mark.parametrize(("missed", "violations"), [(100, {RESYNC: 1}), (101, {})])
def test_a_chat_named_in_resync_missed_more_than_can_be_replayed(
    scene: Scene, missed: int, violations: dict[str, int]
) -> None:
    scene.messages += [stored(number, number + 1) for number in range(4, 5 + missed)]
    scene.record += [Entry("resync", {"chatIds": [CHAT], "all": False}), new(4 + missed, 5 + missed)]
    assert scene.violations() == violations


def test_a_gap_after_a_resync_is_found(scene: Scene) -> None:
    scene.messages += [stored(number, number + 1) for number in range(4, 200)]
    resync = Entry("resync", {"chatIds": [], "all": True})
    scene.record += [resync, new(197, 198), new(199, 200)]
    assert scene.violations() == {INCOMPLETE: 1}


def test_missing_messages_are_found_during_a_run(scene: Scene) -> None:
    truth = scene.truth
    # One was sent after the database was read, and a member joined meanwhile.
    scene.members[CHAT, "carol"] = None
    scene.record.append(new(4, 5))
    assert missing_now(truth, [scene.client]) == []
    del scene.record[2]
    assert len(missing_now(truth, [scene.client])) == 1
