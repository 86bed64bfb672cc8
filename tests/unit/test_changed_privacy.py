"""A change of privacy that arrives while the database is read, or while it can't be read."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.core.errors import Unavailable
from chatapp.core.user_state import OPEN, Privacy, UserState
from chatapp.fanout.differences import Differences
from chatapp.fanout.rooms import rooms
from chatapp.features.my_settings import subscribers
from chatapp.features.users.events import PrivacyChanged

HIDDEN = Privacy(shows_typing=False)
SILENT = Privacy(exchanges_presence=False)


class Socket:
    """A connection that only notes its end."""

    filled = True

    def __init__(self, user_id: str) -> None:
        self.id = f"socket of {user_id}"
        self.actor = SimpleNamespace(user_id=user_id)
        self.chats: dict[str, int] = {}
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


@pytest.fixture
def sockets(own_application: None) -> list[Any]:
    """A socket of alice, and one of bob."""
    opened: list[Any] = [Socket("alice"), Socket("bob")]
    for each in opened:
        rooms().add(each)
    return opened


@pytest.mark.usefixtures("sockets")
def test_a_change_during_the_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Sequence[str]] = []

    def privacy_now(user_ids: Sequence[str]) -> dict[str, Privacy]:
        reads.append(list(user_ids))
        if len(reads) == 1:
            # What was read is old by now.
            rooms().privacy_changing("bob")
            return {"alice": HIDDEN, "bob": OPEN}
        return {"bob": SILENT}

    monkeypatch.setattr(subscribers, "privacy_now", privacy_now)
    subscribers.apply_privacy(PrivacyChanged(["alice", "bob", "a user without a socket"]))
    assert reads == [["alice", "bob"], ["bob"]]
    assert (rooms().privacy("alice"), rooms().privacy("bob")) == (HIDDEN, SILENT)


def test_sockets_are_closed_if_the_change_is_not_known(sockets: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def privacy_now(_user_ids: Sequence[str]) -> dict[str, Privacy]:
        raise Unavailable("The database does not respond.")

    monkeypatch.setattr(subscribers, "privacy_now", privacy_now)
    subscribers.apply_privacy(PrivacyChanged(["alice"]))
    assert [each.is_aborted for each in sockets] == [True, False]


@pytest.mark.usefixtures("sockets")
def test_a_comparison_after_an_outage_skips_only_users_whose_privacy_changed_meanwhile() -> None:
    def list_rooms(user_ids: list[str]) -> Mapping[str, UserState]:
        # The event of a later change, applied during the read.
        rooms().privacy_changing("alice")
        rooms().set_privacy("alice", HIDDEN)
        return {id: UserState() for id in user_ids} | {"bob": UserState(privacy=SILENT)}

    source: Any = SimpleNamespace(list_rooms=list_rooms, joined_at=lambda _: {}, find_actors=lambda actors: actors)
    Differences(rooms(), source).apply_own_state()
    assert (rooms().privacy("alice"), rooms().privacy("bob")) == (HIDDEN, SILENT)
