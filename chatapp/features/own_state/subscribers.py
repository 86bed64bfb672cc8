"""Emits the events of own state, each user's in the order of `meRev`."""

from collections.abc import Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.features.own_state.events import OwnStateChanged


def emit_own_state(event: OwnStateChanged) -> None:
    """Emit the change to all sockets of the user."""
    broadcast.to_user_in_order(event.user_id, event.me_rev, event.name, event.payload)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {OwnStateChanged: (emit_own_state,)}
