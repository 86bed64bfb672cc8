"""The check of what a `once` subscriber wrote."""

from tests.once import Written, violations


def event(rev: int, *, chat: str = "chat", type: str = "MessageSent", message: str = "") -> Written:
    """An event, whose id is its number."""
    return Written(1, rev, type, chat, rev, message or f"m{rev}")


def test_repetitions_and_the_order_of_chats_are_no_violations() -> None:
    written = [event(1), event(2), event(1), event(2), event(3)]
    assert violations(written, ["m1", "m2", "m3"]) == []
    assert violations([event(2), event(1, chat="other")], ["m1", "m2"]) == []


def test_a_missing_message_is_found() -> None:
    assert violations([event(1), event(2, type="MessageEdited", message="m2")], ["m1", "m2"]) == [
        "message m2 was never written"
    ]


def test_an_event_behind_a_later_one_is_found() -> None:
    assert len(violations([event(2), event(1)], [])) == 1
