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
        self.told: list[str] = []

    def __call__(self, user_ids: Collection[str]) -> None:
        if self.away:
            raise Unavailable("The database does not answer.")
        self.told += user_ids


@pytest.fixture
def announcer(app: Flask) -> Announcer:
    return Announcer()


def test_who_came_is_told_of_once_the_database_is_back(
    alice: Person, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "tell_online", announcer)
    attendance = Attendance(max_sockets=5)
    attendance.came(actor(alice))
    with pytest.raises(Unavailable):
        attendance.tell()
    announcer.away = False
    attendance.tell()
    attendance.tell()
    assert announcer.told == [alice.id]


def test_who_has_gone_is_told_of_once_the_database_is_back(
    alice: Person, bob: Person, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "tell_offline", announcer)
    monkeypatch.setattr("chatapp.presence.attendance.OFFLINE_GRACE", 0.0)
    attendance = Attendance(max_sockets=5)
    attendance.came(actor(alice))
    attendance.went(actor(alice), "a socket")
    attendance.came(actor(bob))  # Is counted after that.
    with pytest.raises(Unavailable):
        attendance.tell()
    announcer.away = False
    attendance.tell()
    attendance.tell()
    # Users of expired leases that other tests left behind are announced by the same call.
    assert [user_id for user_id in announcer.told if user_id in (alice.id, bob.id)] == [alice.id]
