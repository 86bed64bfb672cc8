"""Users are announced as online and offline in spite of database outages."""

from collections.abc import Collection

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from chatapp.core.errors import Unavailable
from chatapp.features.presence import actions
from chatapp.features.presence.tracker import PresenceTracker
from tests.actions.conftest import actor
from tests.people import Person


class Announcer:
    """Replaces announcements: fails like a database outage while `away`, otherwise records the users."""

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


def test_online_users_are_announced_after_a_database_outage(
    alice: Person, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "announce_online", announcer)
    tracker = PresenceTracker(max_sockets=5)
    tracker.connected(actor(alice))
    with pytest.raises(Unavailable):
        tracker.announce()
    announcer.away = False
    tracker.announce()
    tracker.announce()
    assert announcer.announced == [alice.id]


def test_offline_users_are_announced_after_a_database_outage(
    alice: Person, bob: Person, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "announce_offline", announcer)
    monkeypatch.setattr("chatapp.features.presence.tracker.OFFLINE_GRACE", 0.0)
    tracker = PresenceTracker(max_sockets=5)
    tracker.connected(actor(alice))
    tracker.disconnected(actor(alice), "a socket")
    tracker.connected(actor(bob))  # Is counted after that.
    with pytest.raises(Unavailable):
        tracker.announce()
    announcer.away = False
    tracker.announce()
    tracker.announce()
    # Users of expired leases that other tests left behind are announced by the same call.
    assert [user_id for user_id in announcer.announced if user_id in (alice.id, bob.id)] == [alice.id]


def test_users_of_a_worker_without_redis_go_offline(
    alice: Person, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise other workers would find them online there, and not announce them as offline either."""
    monkeypatch.setattr("chatapp.features.presence.tracker.OFFLINE_GRACE", 0.0)
    connected = False
    announced: list[Collection[str]] = []
    monkeypatch.setattr(actions, "announce_offline", announced.append)
    tracker = PresenceTracker(5, redis_connected=lambda: connected)
    tracker.connected(actor(alice))
    tracker._count(((alice.id, actor(alice).session_id), False))
    tracker.announce()
    with engine.connect() as db:
        assert not db.execute(text("SELECT count(*) FROM presence WHERE user_id = :id"), {"id": alice.id}).scalar_one()
    assert not announced
    connected = True
    tracker.announce()
    assert [alice.id in users for users in announced] == [True]
