"""The events of a replay: new messages in the order of `seq`, all changes in the order of `rev`, nothing twice."""

from typing import Any

from chatapp.core.events import Announced
from chatapp.features.messages.missed import Change, MissedChanges
from chatapp.features.messages.replay import plan

CHAT: Any = {"lastSeq": 9, "lastMessage": {"seq": 9}, "memberCount": 3, "members": []}


def message(rev: int, seq: int, *, edited: bool = False, deleted: bool = False) -> Change:
    payload: Any = {"id": f"m{seq}", "seq": seq, "rev": rev, "isEdited": edited, "isDeleted": deleted}
    return Change(rev, "MESSAGE", None, payload, is_changed=bool(payload["isEdited"] or payload["isDeleted"]))


def member(rev: int, kind: str, user_id: str, *, present: bool = True) -> Change:
    payload: Any = {"userId": user_id, "user": {"isOnline": False}} if present else None
    return Change(rev, kind, user_id, member=payload)


def planned(changes: list[Change], last_rev: int, *, position: int = 4, seq: int = 4) -> list[tuple[int, str]]:
    missed = MissedChanges(last_rev, 9, changes, CHAT)
    events = plan("chat", missed, position, seq, {})
    for rev, event in events:
        payload = getattr(event, "payload", None) or {}
        assert payload.get("rev", payload.get("lastRev", rev)) == rev == event.rev  # type: ignore[attr-defined]
    return [(rev, named(event)) for rev, event in events]


def named(event: Announced) -> str:
    payload = getattr(event, "payload", {})
    about = payload.get("seq") or payload.get("messageId") or getattr(event, "user_id", "")
    return f"{type(event).__name__} {about}".strip()


def test_new_messages_are_replayed_as_sent() -> None:
    assert planned([message(5, 5), message(6, 6)], 6) == [(5, "MessageSent 5"), (6, "MessageSent 6")]


def test_changes_emitted_meanwhile_are_omitted() -> None:
    assert planned([message(5, 5), message(6, 6)], 6, position=5, seq=5) == [(6, "MessageSent 6")]


def test_known_messages_are_replayed_as_edited_or_deleted() -> None:
    changes = [message(7, 2, edited=True), message(8, 3, edited=True, deleted=True)]
    assert planned(changes, 8) == [(7, "MessageEdited 2"), (8, "MessageDeleted m3")]


def test_new_and_edited_message_is_replayed_as_sent_and_edited() -> None:
    # 5 was created with change 5, 6 with change 6; then 5 was edited with change 9, and 7 created with change 8.
    changes = [message(6, 6), message(8, 7), message(9, 5, edited=True)]
    expected = [(5, "MessageSent 5"), (6, "MessageSent 6"), (8, "MessageSent 7"), (9, "MessageEdited 5")]
    assert planned(changes, 9) == expected


def test_new_and_deleted_message_is_replayed_as_both() -> None:
    assert planned([message(9, 5, deleted=True)], 9) == [(5, "MessageSent 5"), (9, "MessageDeleted m5")]


def test_membership_changes_are_replayed_between_messages() -> None:
    changes = [message(5, 5), member(6, "JOINED", "bob"), message(7, 6), member(8, "LEFT", "eve", present=False)]
    expected = [(5, "MessageSent 5"), (6, "ChatEntered"), (6, "MemberJoined bob")]
    expected += [(7, "MessageSent 6"), (8, "MemberLeft eve")]
    assert planned(changes, 8) == expected


def test_users_who_joined_and_left_are_omitted() -> None:
    gone = [member(rev, kind, "bob", present=False) for rev, kind in ((5, "JOINED"), (6, "ROLE"), (7, "LEFT"))]
    assert planned(gone, 7) == []


def test_users_who_left_and_returned_are_replayed_as_both() -> None:
    changes = [member(5, "LEFT", "bob"), member(6, "JOINED", "bob")]
    assert planned(changes, 6) == [(5, "MemberLeft bob"), (6, "ChatEntered"), (6, "MemberJoined bob")]


def test_only_the_last_of_several_updates_is_replayed() -> None:
    changes = [Change(5, "UPDATED", None, None), message(6, 5), Change(7, "UPDATED", None, None)]
    assert planned(changes, 7) == [(6, "MessageSent 5"), (7, "ChatUpdated")]


def test_new_chat_is_replayed_in_its_earlier_state() -> None:
    missed = MissedChanges(3, 2, [Change(1, "CREATED", None, None), message(2, 1), message(3, 2)], CHAT)
    (_, created), *_ = plan("chat", missed, 0, 0, {"bob": 1, "eve": 7})
    chat = created.payload  # type: ignore[attr-defined]
    assert (chat["lastRev"], chat["lastSeq"], chat["lastMessage"]) == (1, 0, None)
    assert created.member_ids == ("bob",)  # type: ignore[attr-defined]
