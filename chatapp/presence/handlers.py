"""Typing, over Socket.IO."""

from chatapp.core.errors import Json
from chatapp.presence import typing
from chatapp.presence.queries import require_member
from chatapp.presence.schemas import TypingSchema
from chatapp.realtime.client_events import ClientEvent
from chatapp.realtime.rooms import Connection


def start_typing(connection: Connection, payload: Json) -> None:
    """Tell the others in a chat that one types; repeat it every few seconds while it goes on."""
    _require_hearer(connection, payload["chat_id"])
    typing.start(connection.actor, connection.id, payload["chat_id"])


def stop_typing(connection: Connection, payload: Json) -> None:
    """Tell the others in a chat that one types no longer."""
    _require_hearer(connection, payload["chat_id"])
    typing.stop(payload["chat_id"], connection.actor.user_id)


def _require_hearer(connection: Connection, chat_id: str) -> None:
    """Raise NotFound for who may not hear a chat; the database is asked only about those who do not hear it now."""
    if chat_id not in connection.chats:
        require_member(connection.actor, chat_id)


EVENTS = (
    ClientEvent("typing:start", TypingSchema, start_typing, about_socket=True),
    ClientEvent("typing:stop", TypingSchema, stop_typing, about_socket=True),
)
