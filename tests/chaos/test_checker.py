"""The checker finds violations."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.checker import Truth, check
from tests.chaos.device import Copy, Device, LogEntry
from tests.chaos.user import User

CHAT, ALICE, BOB = "chat", "alice", "bob"
FIELDS = ("id", "chat_id", "seq", "rev", "sender_id", "client_id", "content", "deleted_at")


def stored(seq: int, **changes: Any) -> Any:
    """A message of alice, as stored in the database."""
    values = (f"m{seq}", CHAT, seq, seq + 1, ALICE, f"c{seq}", f"text {seq}", None)
    return SimpleNamespace(**dict(zip(FIELDS, values, strict=True)) | changes)


def message(seq: int) -> dict[str, Any]:
    """The same, as clients receive it."""
    row = stored(seq)
    return {"id": row.id, "seq": seq, "rev": row.rev, "content": row.content, "isDeleted": False}


class Scene:
    """Alice has sent three messages to bob, without violations."""

    def __init__(self) -> None:
        self.rows = {f"m{seq}": stored(seq) for seq in (1, 2, 3)}
        self.chat = SimpleNamespace(id=CHAT, last_seq=3, last_rev=4, member_count=2)
        self.members = {
            (CHAT, who): SimpleNamespace(read_seq=read_seq, delivered_seq=3) for who, read_seq in ((ALICE, 3), (BOB, 1))
        }
        self.stays: dict[tuple[str, str], list[tuple[int, float]]] = {
            (CHAT, who): [(1, float("inf"))] for who in (ALICE, BOB)
        }
        self.device = Device.__new__(Device)
        self.device.user_id, self.device.violations, self.device.unread = BOB, [], {CHAT: 2}
        self.device.log = [LogEntry(1, "message:new", CHAT, seq + 1, seq, None) for seq in (1, 2, 3)]
        self.device.copies = {CHAT: Copy(4, {f"m{seq}": message(seq) for seq in (1, 2, 3)})}
        self.alice = SimpleNamespace(
            person=SimpleNamespace(id=ALICE, name="alice"),
            devices=[],
            sent={f"c{seq}": message(seq) for seq in (1, 2, 3)},
            edited={},
            attempted={},
            deleted=set(),
            read={},
            violations=[],
        )
        self.bob = SimpleNamespace(
            person=SimpleNamespace(id=BOB, name="bob"),
            devices=[self.device],
            sent={},
            edited={},
            attempted={},
            deleted=set(),
            read={CHAT: 1},
            violations=[],
        )

    def violations(self) -> set[str]:
        """The kinds of violations found."""
        truth = Truth(self.rows, {CHAT: self.chat}, self.members, cast(Any, self.stays))
        found = check(truth, [cast(User, self.alice), cast(User, self.bob)])
        return {kind for kind, violations in found.items() if violations}


def log_events(scene: Scene, *entries: LogEntry) -> None:
    scene.device.log += entries


def swap_two(scene: Scene) -> None:
    log = scene.device.log
    log[1], log[2] = log[2], log[1]


Harm = Callable[[Scene], Any]
HARMS: dict[str, tuple[Harm, str]] = {
    "a message is gone": (lambda s: s.rows.pop("m3"), "lost"),
    "a message has another number": (lambda s: s.rows.update(m3=stored(4, id="m3", client_id="c3")), "lost"),
    "an edit is gone": (
        lambda s: (s.alice.edited.update(m1=("new", 5)), s.alice.attempted.update(m1=["text 1", "new"])),
        "lost",
    ),
    "an edited message is gone": (
        lambda s: (s.rows.pop("m3"), s.alice.edited.update(m3=("new", 5))),
        "lost",
    ),
    "a deleted message is gone altogether": (lambda s: (s.rows.pop("m3"), s.alice.deleted.add("m3")), "lost"),
    "an edit is another": (
        lambda s: (s.alice.edited.update(m1=("new", 2)), s.alice.attempted.update(m1=["text 1", "new"])),
        "lost",
    ),
    "an edit that was never made": (
        lambda s: (s.alice.edited.update(m1=("new", 1)), s.alice.attempted.update(m1=["new"])),
        "lost",
    ),
    "a deletion is gone": (lambda s: s.alice.deleted.add("m1"), "lost"),
    "a message is there twice": (lambda s: s.rows.update(m4=stored(4, client_id="c3")), "doubled"),
    "a number is missing": (lambda s: setattr(s.chat, "last_seq", 4), "out of order"),
    "a change is there twice": (lambda s: s.rows.update(m3=stored(3, rev=3)), "out of order"),
    "members are counted wrong": (lambda s: setattr(s.chat, "member_count", 3), "out of order"),
    "messages come in another order": (swap_two, "out of order"),
    "a message comes twice": (lambda s: log_events(s, s.device.log[-1]), "out of order"),
    "a deletion comes late": (
        lambda s: log_events(s, LogEntry(1, "message:deleted", CHAT, 2, None, None)),
        "out of order",
    ),
    "a message from before a member joined": (lambda s: s.stays.update({(CHAT, BOB): [(3, 9.0)]}), "leaked"),
    "a message from after a member left": (lambda s: s.stays.update({(CHAT, BOB): [(1, 3.0)]}), "leaked"),
    "a receipt after the goodbye": (
        lambda s: log_events(
            s,
            LogEntry(1, "chat:member_left", CHAT, None, None, BOB),
            LogEntry(1, "messages:read", CHAT, None, None, ALICE),
        ),
        "leaked",
    ),
    "a copy lacks a message": (lambda s: s.device.copies[CHAT].messages.pop("m2"), "copies that differ"),
    "a copy says something else": (
        lambda s: s.device.copies[CHAT].messages["m2"].update(content="x"),
        "copies that differ",
    ),
    "a copy of a chat that one is not in": (lambda s: s.device.copies.update(other=Copy()), "copies that differ"),
    "a wrong count of what is unread": (lambda s: s.device.unread.update({CHAT: 1}), "wrong unread counts"),
    "a receipt is gone": (lambda s: s.bob.read.update({CHAT: 2}), "receipts that are wrong"),
    "what was fetched is not delivered": (
        lambda s: setattr(s.members[CHAT, BOB], "delivered_seq", 2),
        "receipts that are wrong",
    ),
    "an answer that should not be": (lambda s: s.device.violations.append("500"), "answers that are wrong"),
}


def test_correct_log_has_no_violations() -> None:
    assert Scene().violations() == set()


@pytest.mark.parametrize("harm", HARMS)
def test_violations_are_found(harm: str) -> None:
    do, kind = HARMS[harm]
    scene = Scene()
    do(scene)
    assert kind in scene.violations()


def test_repeated_edit_may_follow_a_later_one() -> None:
    scene = Scene()
    scene.alice.edited.update(m1=("new", 1))
    scene.alice.attempted.update(m1=["text 1", "new"])
    assert scene.violations() == set()


@pytest.mark.parametrize("message", [True, False])
def test_returning_member_is_subscribed_again(message: bool) -> None:
    scene = Scene()
    scene.stays[CHAT, BOB] = [(1, 3.0), (4, float("inf"))]
    left, back = LogEntry(1, "chat:member_left", CHAT, None, None, BOB), LogEntry(1, "chat:new", CHAT, 4, None, None)
    scene.device.log[2:2] = [left, back] if message else [left]
    assert scene.violations() == set()
