"""The action of signals."""

from typing import Any

from chatapp.core import limits, settings
from chatapp.core.events import publish
from chatapp.core.identity import Actor
from chatapp.features.signals.events import SignalSent
from chatapp.features.signals.queries import require_open


def send_signal(
    actor: Actor, chat_id: str, *, name: str, data: Any = None, to_user_ids: list[str] | None = None
) -> None:
    """Send a signal to the connected members of a chat. Raises RateLimited, NotFound, Forbidden (`you_blocked`,
    `cannot_send`)."""
    limits.hit_user("signals", actor.user_id, settings.current().rate_signals)
    require_open(actor, chat_id)
    publish(SignalSent(chat_id, actor.user_id, name, data, to_user_ids))
