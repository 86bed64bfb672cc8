"""Typing, over Socket.IO."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.presence import typing
from chatapp.presence.queries import require_member
from chatapp.presence.schemas import TypingSchema
from chatapp.realtime.gateway import ClientEvent


def start_typing(actor: Actor, payload: Json) -> None:
    """Tell the others in a chat that one types; repeat it every few seconds while it goes on."""
    require_member(actor, payload["chat_id"])
    typing.start(actor, payload["chat_id"])


def stop_typing(actor: Actor, payload: Json) -> None:
    """Tell the others in a chat that one types no longer."""
    require_member(actor, payload["chat_id"])
    typing.stop(actor, payload["chat_id"])


EVENTS = (
    ClientEvent("typing:start", TypingSchema, start_typing),
    ClientEvent("typing:stop", TypingSchema, stop_typing),
)
