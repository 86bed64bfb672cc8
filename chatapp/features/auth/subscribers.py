"""Applies ended sessions and changed accounts to the sockets of this worker."""

from collections.abc import Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.features.auth.events import SessionEnded
from chatapp.features.auth.sessions import sessions
from chatapp.features.users.events import AccountChanged
from chatapp.sockets.actors import refresh_actor


def close_sockets(event: SessionEnded) -> None:
    """Close the sockets of an ended session."""
    view.epoch += 1
    sessions.forget(event.user_id)
    for connection in rooms.of_session(event.user_id, event.session_id):
        connection.close("session ended")


def refresh_actors(event: AccountChanged) -> None:
    """Reload the actor of a user's sockets."""
    view.epoch += 1
    sessions.forget(event.user_id)
    for connection in rooms.of_users([event.user_id]):
        refresh_actor(connection, sessions.find_actor)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    SessionEnded: (close_sockets,),
    AccountChanged: (refresh_actors,),
}
