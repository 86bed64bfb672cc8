"""Applies changes of API keys, and of the users as whom they act, to this worker."""

from collections.abc import Mapping, Sequence

from chatapp.core.errors import Unavailable
from chatapp.core.events import Subscriber
from chatapp.fanout.actors import read_settled, replace_actor
from chatapp.fanout.rooms import Connection, rooms
from chatapp.fanout.view import view
from chatapp.features.keys.acting import actors_now
from chatapp.features.keys.events import KeyChanged
from chatapp.features.keys.verification import keys
from chatapp.features.users.events import AccountChanged


def apply_key(event: KeyChanged) -> None:
    """Clear the cache of a changed key, and close the sockets that it may not have any more."""
    view().epoch += 1
    keys().forget(event.key_id)
    _refresh([each for each in rooms() if each.actor.acting and each.actor.acting.id == event.key_id])


def apply_account(event: AccountChanged) -> None:
    """Reload the actor of the sockets that keys have as this user."""
    _refresh([each for each in rooms().of_users([event.user_id]) if each.actor.acting])


def _refresh(connections: Sequence[Connection]) -> None:
    while connections:
        seen = [(connection, connection.actor) for connection in connections]
        try:
            actors = read_settled(lambda: actors_now([actor for _, actor in seen]))  # noqa: B023  # Called at once.
        except Unavailable:
            # Access ends all the same: the clients connect again.
            for connection in connections:
                connection.abort()
            return
        # Nothing waits here, and a changed actor is read again.
        connections = [
            connection
            for (connection, before), actor in zip(seen, actors, strict=True)
            if not replace_actor(connection, before, actor)
        ]


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    KeyChanged: (apply_key,),
    AccountChanged: (apply_account,),
}
