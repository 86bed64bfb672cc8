"""Applies changed accounts to the sockets of this worker."""

from collections.abc import Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.core.identity import Actor
from chatapp.fanout.actors import refresh_actor
from chatapp.fanout.rooms import rooms
from chatapp.fanout.view import view
from chatapp.features.sessions.cache import sessions
from chatapp.features.users.events import AccountChanged


def refresh_actors(event: AccountChanged) -> None:
    """Reload the actor of a user's sockets, except those of API keys."""
    view().epoch += 1
    sessions().forget(event.user_id)
    for connection in rooms().of_users([event.user_id]):
        if not connection.actor.acting:
            refresh_actor(connection, _find_again)


def _find_again(actor: Actor) -> Actor | None:
    return sessions().find_actor(actor.user_id, actor.session_id)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {AccountChanged: (refresh_actors,)}
