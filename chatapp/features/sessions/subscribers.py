"""Applies ended sessions to the sockets of this worker."""

from collections.abc import Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.features.sessions.cache import sessions
from chatapp.features.sessions.events import SessionEnded


def close_sockets(event: SessionEnded) -> None:
    """Close the sockets of an ended session."""
    view().epoch += 1
    sessions().forget(event.user_id)
    for connection in rooms().of_session(event.user_id, event.session_id):
        connection.close("session ended")


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {SessionEnded: (close_sockets,)}
