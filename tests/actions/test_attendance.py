"""Who comes and goes is told, whatever happens to the database meanwhile."""

from collections.abc import Collection

import pytest
from flask import Flask

from chatapp.core.errors import Unavailable
from chatapp.presence import actions
from chatapp.presence.attendance import Attendance
from tests.actions.conftest import actor
from tests.people import Person


class Announcer:
    """Stands where announcing does: fails as without a database while `away`, otherwise notes who was told of."""

    def __init__(self) -> None:
        self.away = True
        self.announced: list[str] = []

    def __call__(self, user_ids: Collection[str]) -> None:
        if self.away:
            raise Unavailable("The database does not answer.")
        self.announced += user_ids


@pytest.fixture
def announcer(app: Flask) -> Announcer:
    return Announcer()


def test_who_came_is_told_of_once_the_database_is_back(
    alice: Person, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "announce_online", announcer)
    attendance = Attendance(max_sockets=5)
    attendance.came(actor(alice))
    with pytest.raises(Unavailable):
        attendance.announce()
    announcer.away = False
    attendance.announce()
    attendance.announce()
    assert announcer.announced == [alice.id]


def test_who_has_gone_is_told_of_once_the_database_is_back(
    alice: Person, bob: Person, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "announce_offline", announcer)
    monkeypatch.setattr("chatapp.presence.attendance.OFFLINE_GRACE", 0.0)
    attendance = Attendance(max_sockets=5)
    attendance.came(actor(alice))
    attendance.went(actor(alice), "a socket")
    attendance.came(actor(bob))  # Is counted after that.
    with pytest.raises(Unavailable):
        attendance.announce()
    announcer.away = False
    attendance.announce()
    attendance.announce()
    # Users of expired leases that other tests left behind are announced by the same call.
    assert [user_id for user_id in announcer.announced if user_id in (alice.id, bob.id)] == [alice.id]
