"""A socket never acts for a session that ended, or with a role that was removed, during the database query."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from chatapp.core.identity import Actor
from chatapp.fanout.actors import read_settled, refresh_actor
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.sockets.connection import SocketConnection, State

USER, SESSION, OTHER_SESSION = "user", "session", "other session"
MODERATOR = Actor(USER, SESSION, "alice", None, "MODERATOR")
DEMOTED = Actor(USER, SESSION, "alice", None, "USER")
RENEWED = Actor(USER, OTHER_SESSION, "alice", None, "USER")


@pytest.fixture
def connection(own_application: None, monkeypatch: pytest.MonkeyPatch) -> SocketConnection:
    """A connection whose user is a moderator."""

    def ended(connection: SocketConnection, why: str) -> None:
        assert why == "session ended"
        rooms().remove(connection.id)

    session: Any = SimpleNamespace(close=None)
    connection = SocketConnection("id", "sid", session, MODERATOR, 0, ended)
    rooms().add(connection)
    monkeypatch.setattr("chatapp.sockets.connection.gevent.spawn_later", lambda *_args, **_options: None)
    return connection


def database(*responses: Actor | None, meanwhile: Callable[[], Any]) -> Callable[[Actor], Actor | None]:
    """Returns results one after the other; something happens during the first call."""
    requested: list[str] = []

    def find_actor(actor: Actor) -> Actor | None:
        requested.append(actor.session_id)
        if len(requested) == 1:
            meanwhile()
        return responses[len(requested) - 1]

    return find_actor


def end_something() -> None:
    view().epoch += 1


def test_actor_is_read_again_after_a_concurrent_change() -> None:
    find_actor = database(MODERATOR, DEMOTED, meanwhile=end_something)
    assert read_settled(lambda: find_actor(MODERATOR)) is DEMOTED


def test_a_demotion_during_the_read_is_not_undone(connection: SocketConnection) -> None:
    refresh_actor(connection, database(MODERATOR, DEMOTED, meanwhile=end_something))
    assert connection.actor is DEMOTED


def test_a_logout_during_the_read_closes_the_socket(connection: SocketConnection) -> None:
    refresh_actor(connection, database(MODERATOR, None, meanwhile=end_something))
    assert connection.id not in rooms()
    assert connection.state is State.CLOSED


def test_a_renewal_during_the_read_is_kept(connection: SocketConnection) -> None:
    def renew() -> None:
        connection.actor = RENEWED

    refresh_actor(connection, database(DEMOTED, RENEWED, meanwhile=renew))
    assert connection.actor is RENEWED
    assert connection.id in rooms()


def test_undisturbed_read_is_not_repeated(connection: SocketConnection) -> None:
    refresh_actor(connection, database(DEMOTED, meanwhile=lambda: None))
    assert connection.actor is DEMOTED
