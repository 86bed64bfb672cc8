"""Typing, over Socket.IO."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.presence import typing
from chatapp.presence.queries import require_member
from chatapp.presence.schemas import TypingSchema
from chatapp.realtime.client_events import ClientEvent
from chatapp.realtime.rooms import Connection


def start_typing(connection: Connection, payload: Json) -> None:
    """Tell the others in a chat that one types; repeat it every few seconds while it goes on."""
    require_member(connection.actor, payload["chat_id"])
    typing.start(connection.actor, connection.id, payload["chat_id"])


def stop_typing(actor: Actor, payload: Json) -> None:
    """Tell the others in a chat that one types no longer."""
    require_member(actor, payload["chat_id"])
    typing.stop(payload["chat_id"], actor.user_id)


EVENTS = (
    ClientEvent("typing:start", TypingSchema, start_typing, about_socket=True),
    ClientEvent("typing:stop", TypingSchema, stop_typing),
)
