"""Emits signals."""

from collections.abc import Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.features.signals.events import SignalSent
from chatapp.features.signals.schemas import SignalEvent


def emit_signal(event: SignalSent) -> None:
    """Emit a signal to the other members, or to its recipients."""
    payload: SignalEvent = {"chatId": event.chat_id, "userId": event.user_id, "name": event.name}
    if event.data is not None:
        payload["data"] = event.data
    if event.to_user_ids is None:
        broadcast.to_chat(event.chat_id, "signal", payload, exclude=event.user_id)
    else:
        broadcast.to_members(event.chat_id, set(event.to_user_ids), "signal", payload)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {SignalSent: (emit_signal,)}
