"""Applies changed privacy to the sockets of this worker."""

from collections.abc import Mapping, Sequence

from chatapp.core.errors import Unavailable
from chatapp.core.events import Subscriber
from chatapp.fanout.rooms import rooms
from chatapp.features.chats.queries import privacy_now
from chatapp.features.users.events import PrivacyChanged


def apply_privacy(event: PrivacyChanged) -> None:
    """Read the privacy of users again, as far as they have a socket here."""
    here = rooms()
    for user_id in event.user_ids:
        here.privacy_changing(user_id)
    waiting = [user_id for user_id in event.user_ids if here.of_users((user_id,))]
    while waiting:
        read = {user_id: here.privacy_change(user_id) for user_id in waiting}
        try:
            found = privacy_now(waiting)
        except Unavailable:
            # No event may pass that the change excludes: the clients connect again.
            for connection in here.of_users(waiting):
                connection.abort()
            return
        # Nothing waits here, and what changed during the read is read again.
        waiting = [user_id for user_id in waiting if here.privacy_change(user_id) != read[user_id]]
        for user_id in read.keys() - set(waiting):
            if user_id in found:
                here.set_privacy(user_id, found[user_id])


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {PrivacyChanged: (apply_privacy,)}
